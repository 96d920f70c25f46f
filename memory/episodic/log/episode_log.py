"""The durable, verbatim log of episodes."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from functools import partial

from memory.database import Database, OwnerTables, from_micros, require_utf8, to_micros
from memory.episodic.vectors.kept_vectors import LATEST, Slot
from memory.lexical import lexical_index as lexicon
from memory.models import EDIT_OF, Episode
from memory.provenance import Carrier, Speaker, dump, load, said

TIER = "episodic"
COLUMNS = "turn_id, thread, message, reply, at, tags, provenance, access_count"
INSERT = (
    "INSERT OR IGNORE INTO episodes (turn_id, thread, message, reply, at, tags, provenance, access_count)"
    " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS (SELECT 1 FROM removed WHERE turn_id = ?1)"
    " RETURNING seq"
)
PAGE = 256

Row = tuple[str, str, str, str, int, str, str, int]
NumberedRow = tuple[int, str, str, str, str, int, str, str, int]


class EpisodeLog:
    """Appends and reads episodes. An append is on disk when the call returns.

    Every method raises `TierUnavailable` or `TierCorrupt` as `OwnerTables` does.
    """

    def __init__(self, files: OwnerTables) -> None:
        self._files = files

    async def append(self, episode: Episode, shown: Sequence[str] = ()) -> bool:
        """Commit `episode`; return True when its turn id is new; else the first episode is kept.

        Args:
            episode: the turn.
            shown: episodes in its prompt; with a new turn id, the access count of each is incremented.

        Raises:
            ValueError: the text has a lone surrogate, or the time has no zone.
        """
        work = partial(_append, row=_row(episode), shown=list(shown))
        return await self._files.write(episode.owner, TIER, work)

    async def append_many(self, episodes: Iterable[Episode]) -> int:
        """Commit many episodes, one transaction per owner; return how many turn ids are new.

        Raises:
            ValueError: a text has a lone surrogate, or a time has no zone.
        """
        rows: defaultdict[str, list[Row]] = defaultdict(list)
        for episode in episodes:
            rows[episode.owner].append(_row(episode))
        added = [await self._files.write(who, TIER, partial(_insert, rows=own)) for who, own in rows.items()]
        return sum(added)

    async def make_own(self, turn_ids: Sequence[str], *, owner: str) -> None:
        """Mark imported third-party messages as the owner's own words."""
        await self._files.write(owner, TIER, partial(_make_own, turn_ids=list(turn_ids)))

    async def get(self, turn_ids: Sequence[str], *, owner: str) -> list[Episode]:
        """Return episodes in the order of `turn_ids`, without unknown ids."""
        rows = await self._select(owner, "turn_id IN (SELECT value FROM json_each(?))", json.dumps(turn_ids))
        found = {episode.turn_id: episode for episode in rows}
        return [found[turn_id] for turn_id in turn_ids if turn_id in found]

    async def edits(self, turn_id: str, *, owner: str) -> list[Episode]:
        """Return the later versions of an episode, which name it in a tag, in the order of arrival."""
        tag = json.dumps(f"{EDIT_OF}{turn_id}")
        return await self._select(owner, "INSTR(tags, ?) > 0 ORDER BY seq", tag)

    async def recent(self, *, owner: str, limit: int) -> list[Episode]:
        """Return the `limit` latest episodes, newest first."""
        return await self._select(owner, "TRUE ORDER BY at DESC, seq DESC LIMIT ?", max(limit, 0))

    async def all(self, *, owner: str) -> AsyncIterator[Episode]:
        """Iterate over every episode in the order of arrival, page by page."""
        after = 0
        while page := await self._files.read(owner, TIER, partial(read_page, after=after)):
            after = page[-1][0]
            for row in page:
                yield to_episode(owner, row[1:])

    async def imported(self, *, owner: str) -> list[Episode]:
        """Return the imported episodes, oldest first."""
        found = await self._select(owner, "provenance LIKE ? ORDER BY at, seq", f"%{Carrier.IMPORT}%")
        return [episode for episode in found if episode.carrier is Carrier.IMPORT]

    async def pending(
        self, *, owner: str, limit: int, after: int = 0, slot: Slot = Slot.FIRST
    ) -> list[tuple[int, Episode]]:
        """Return episodes without vectors as (sequence number, episode), in the order of arrival.

        Args:
            owner: owner of the episodes.
            limit: the most to return.
            after: a sequence number; only later episodes are returned.
            slot: where the vectors are.
        """
        rows = await self._files.read(owner, TIER, partial(_pending, after=after, limit=limit, slot=slot))
        return [(row[0], to_episode(owner, row[1:])) for row in rows]

    async def count(self, *, owner: str, since: datetime | None = None) -> int:
        """Count the owner's episodes, optionally only those since a time (inclusive)."""
        return await self._files.read(owner, TIER, partial(_count, since=to_micros(since) if since else None))

    async def first(self, *, owner: str) -> Episode | None:
        """Return the oldest episode, or None."""
        return next(iter(await self._select(owner, "TRUE ORDER BY at, seq LIMIT 1")), None)

    async def threads(self, *, owner: str) -> list[str]:
        sql = "SELECT DISTINCT thread FROM episodes"
        rows = await self._files.read(owner, TIER, lambda db: db.execute(sql).fetchall())
        return [thread for (thread,) in rows]

    async def tag(self, turn_id: str, tag: str, *, owner: str) -> None:
        """Add a tag to an episode once; do nothing when the episode does not exist."""
        await self._files.write(owner, TIER, partial(_tag, turn_id=turn_id, tag=tag))

    async def rebuild_words(self, *, owner: str) -> None:
        """Derive the index of words and keys from the episodes again."""
        await self._files.write(owner, TIER, lexicon.derive_all)

    async def erase(self, *, owner: str) -> None:
        """Delete the owner's episodes and vector data, and overwrite the freed space."""
        if await self._files.read(owner, TIER, _holds_anything):
            await self._files.write(owner, TIER, _erase)
            await self._files.scrub(owner, TIER)

    async def _select(self, owner: str, where: str, *parameters: str | int) -> list[Episode]:
        sql = f"SELECT {COLUMNS} FROM episodes WHERE {where}"  # noqa: S608
        rows = await self._files.read(owner, TIER, lambda db: db.execute(sql, parameters).fetchall())
        return [to_episode(owner, row) for row in rows]


def _row(episode: Episode) -> Row:
    provenance = dump(episode.speaker, episode.carrier, episode.parts)
    require_utf8(provenance, "the provenance of an episode")
    turn_id, thread, message, reply = (
        require_utf8(getattr(episode, name), f"the {name} of an episode")
        for name in ("turn_id", "thread", "message", "reply")
    )
    at, tags = to_micros(episode.at), json.dumps(episode.tags)
    return turn_id, thread, message, reply, at, tags, provenance, episode.access_count


def to_episode(owner: str, row: Row) -> Episode:
    """Convert a row of `COLUMNS` to an episode."""
    turn_id, thread, message, reply, at, tags, provenance, access_count = row
    speaker, carrier, parts = load(provenance)
    return Episode(
        turn_id=turn_id,
        owner=owner,
        thread=thread,
        message=message,
        reply=reply,
        at=from_micros(at),
        tags=tuple(json.loads(tags)),
        access_count=access_count,
        parts=parts,
        speaker=speaker,
        carrier=carrier,
    )


def seqs_of(db: Database, turn_ids: Sequence[str]) -> dict[str, int]:
    """Return sequence numbers by turn id, without unknown ids."""
    sql = "SELECT turn_id, seq FROM episodes WHERE turn_id IN (SELECT value FROM json_each(?))"
    return dict(db.execute(sql, (json.dumps(list(turn_ids)),)).fetchall())


def latest_seq(db: Database) -> int:
    """Return the sequence number of the latest episode; 0 without any."""
    (found,) = db.execute("SELECT MAX(seq) FROM episodes").fetchone()
    return int(found or 0)


def _append(db: Database, row: Row, shown: list[str]) -> bool:
    new = bool(_insert(db, [row]))
    if new and shown:
        where = "turn_id IN (SELECT value FROM json_each(?))"
        db.execute(f"UPDATE episodes SET access_count = access_count + 1 WHERE {where}", (json.dumps(shown),))  # noqa: S608
    return new


def _insert(db: Database, rows: Sequence[Row]) -> int:
    added = sum(insert_one(db, row) for row in rows)
    lexicon.add_documents(db, added)
    return added


def insert_one(db: Database, row: Row) -> int:
    """Insert an episode with its words and keys; return 0 when its id is known, or was forgotten."""
    inserted = db.execute(INSERT, row).fetchall()
    for (seq,) in inserted:
        lexicon.derive(db, seq, said(row[2], load(row[6])[2]), row[3])
    return len(inserted)


def _make_own(db: Database, turn_ids: list[str]) -> None:
    where = "turn_id IN (SELECT value FROM json_each(?)) AND provenance != ''"
    rows = db.execute(f"SELECT turn_id, provenance FROM episodes WHERE {where}", (json.dumps(turn_ids),))  # noqa: S608
    for turn_id, provenance in rows.fetchall():
        speaker, carrier, parts = load(provenance)
        if (speaker, carrier) == (Speaker.THIRD_PARTY, Carrier.IMPORT):
            own = dump(Speaker.OWNER, carrier, parts)
            db.execute("UPDATE episodes SET provenance = ? WHERE turn_id = ?", (own, turn_id))


def read_page(db: Database, after: int, until: int = LATEST) -> list[NumberedRow]:
    sql = f"SELECT seq, {COLUMNS} FROM episodes WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"  # noqa: S608
    return db.execute(sql, (after, until, PAGE)).fetchall()


def _pending(db: Database, after: int, limit: int, slot: Slot) -> list[NumberedRow]:
    where = f"{slot.column} IS NULL AND seq > ? ORDER BY seq LIMIT ?"
    sql = f"SELECT seq, {COLUMNS} FROM episodes WHERE {where}"  # noqa: S608
    return db.execute(sql, (after, limit)).fetchall()


def _count(db: Database, since: int | None) -> int:
    sql = "SELECT COUNT(*) FROM episodes"
    rows = db.execute(sql) if since is None else db.execute(f"{sql} WHERE at >= ?", (since,))
    (count,) = rows.fetchone()
    return int(count)


def _tag(db: Database, turn_id: str, tag: str) -> None:
    row = db.execute("SELECT tags FROM episodes WHERE turn_id = ?", (turn_id,)).fetchone()
    if row is not None and tag not in (tags := json.loads(row[0])):
        db.execute("UPDATE episodes SET tags = ? WHERE turn_id = ?", (json.dumps([*tags, tag]), turn_id))


def _holds_anything(db: Database) -> bool:
    tables = ("episodes", "feedback", "labels", "observations", "meta")
    sql = " OR ".join(f"EXISTS (SELECT 1 FROM {table})" for table in tables)  # noqa: S608
    return bool(db.execute(f"SELECT {sql}").fetchone()[0])


def _erase(db: Database) -> None:
    own = ("episodes", "feedback", "labels", "observations", "keys", "meta", "removed")
    for table in (*own, *(slot.table for slot in Slot)):
        db.execute(f"DELETE FROM {table}")  # noqa: S608
    lexicon.clear(db)
