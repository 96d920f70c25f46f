"""All of an owner's L3 as JSON values, table by table, for exports."""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from memory.database import Database, from_micros, read_time, require_utf8, to_micros
from memory.episodic.log.episode_log import COLUMNS, Row, insert_one
from memory.episodic.log.observation_log import LEVEL
from memory.lexical.lexical_index import add_documents
from memory.observation.observation import Observation
from memory.provenance import Carrier, Speaker, dump, load, plain, read_parts

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecordTable:
    """A table of the owner's file, with its rows as JSON values."""

    name: str
    select: str
    """Statement that yields its rows, oldest first."""
    to_record: Callable[[Any], Record]
    add: Callable[[Database, Sequence[Record]], int]
    """Insert the records that are missing; return how many. Raises LookupError, TypeError or ValueError."""

    def read(self, db: Database) -> Iterator[Record]:
        return map(self.to_record, db.execute(self.select))


def _at(record: Record) -> int:
    return to_micros(read_time(record["at"]))


def _time(micros: int) -> str:
    return from_micros(micros).isoformat()


def _to_turn(row: Row) -> Record:
    turn_id, thread, message, reply, at, tags, provenance, access_count = row
    speaker, carrier, parts = load(provenance)
    return {
        "turn_id": turn_id,
        "thread": thread,
        "at": _time(at),
        "message": message,
        "reply": reply,
        "tags": json.loads(tags),
        "speaker": speaker,
        "carrier": carrier,
        "parts": plain(parts),
        "access_count": access_count,
    }


def _from_turn(record: Record) -> Row:
    parts = read_parts(record["parts"])
    if len(parts) != len(record["parts"]):
        raise ValueError("a part cannot be read")
    turn_id, thread, message, reply = (
        require_utf8(record[key], f"the {key} of a turn") for key in ("turn_id", "thread", "message", "reply")
    )
    provenance = dump(Speaker(record["speaker"]), Carrier(record["carrier"]), parts)
    require_utf8(provenance, "the provenance of a turn")
    tags = json.dumps([require_utf8(tag, "a tag") for tag in record["tags"]])
    return turn_id, thread, message, reply, _at(record), tags, provenance, int(record["access_count"])


def _add_turns(db: Database, records: Sequence[Record]) -> int:
    """Insert new turns; give the known ones the tags and the access count that they lack."""
    added = 0
    for row in map(_from_turn, records):
        new = insert_one(db, row)
        added += new
        if not new:
            _update_turn(db, row)
    add_documents(db, added)
    return added


def _update_turn(db: Database, row: Row) -> None:
    found = db.execute("SELECT tags, access_count FROM episodes WHERE turn_id = ?", (row[0],)).fetchone()
    if found is None:  # it was forgotten here
        return
    tags = json.dumps(list(dict.fromkeys([*json.loads(found[0]), *json.loads(row[5])])))
    values = (tags, max(found[1], row[7]), row[0])
    db.execute("UPDATE episodes SET tags = ?, access_count = ? WHERE turn_id = ?", values)


def _insert(statement: str, to_row: Callable[[Record], Sequence[Any]]) -> Callable[..., int]:
    """Return a function that runs `statement` with the row of each record, and counts the rows it changes."""

    def add(db: Database, records: Sequence[Record]) -> int:
        return sum(db.execute(statement, to_row(record)).rowcount for record in records)

    return add


_REMEMBERED: Final = "NOT EXISTS (SELECT 1 FROM removed WHERE turn_id = ?1)"


def _to_observation(row: tuple[str, int, bytes]) -> Record:
    """Return the observation as JSON; a damaged one as it is stored."""
    record = {"turn_id": row[0], "at": _time(row[1])}
    try:
        found = Observation.from_json(zlib.decompress(row[2]))
    except (zlib.error, ValueError, TypeError):
        return record | {"damaged": b64encode(row[2]).decode("ascii")}
    return record | {"observation": found.without()}


def _add_observations(db: Database, records: Sequence[Record]) -> int:
    """Insert observations as this owner's: a replay searches the archive of the owner that they name."""
    (owner,) = db.execute("SELECT name FROM owner").fetchone()
    sql = "INSERT OR IGNORE INTO observations (turn_id, at, observation) SELECT ?1, ?2, ?3 WHERE "
    name = owner.decode("utf-8", "surrogatepass")
    add = _insert(
        sql + _REMEMBERED,
        lambda one: (one["turn_id"], _at(one), _packed(one, name)),
    )
    return add(db, records)


def _packed(record: Record, owner: str) -> bytes:
    if "damaged" in record:
        return b64decode(record["damaged"], validate=True)
    observation = record["observation"] | {"owner": owner, "turn_id": record["turn_id"]}
    return zlib.compress(json.dumps(observation, ensure_ascii=False).encode(), LEVEL)


RECORD_TABLES: Final = (
    RecordTable("turns", f"SELECT {COLUMNS} FROM episodes ORDER BY seq", _to_turn, _add_turns),  # noqa: S608
    RecordTable(
        "feedback",
        "SELECT turn_id, good, decisions, at FROM feedback ORDER BY at, turn_id",
        lambda row: {"turn_id": row[0], "good": bool(row[1]), "decisions": row[2], "at": _time(row[3])},
        _insert(
            f"INSERT INTO feedback (turn_id, good, decisions, at) SELECT ?1, ?2, ?3, ?4 WHERE {_REMEMBERED}"
            " ON CONFLICT (turn_id) DO UPDATE"
            " SET good = excluded.good, decisions = excluded.decisions, at = excluded.at"
            " WHERE excluded.at > feedback.at",
            lambda one: (one["turn_id"], int(one["good"]), one["decisions"], _at(one)),
        ),
    ),
    RecordTable(
        "labels",
        "SELECT turn_id, memory, relevant, at FROM labels ORDER BY at, turn_id, memory",
        lambda row: {"turn_id": row[0], "memory": row[1], "relevant": bool(row[2]), "at": _time(row[3])},
        _insert(
            f"INSERT INTO labels (turn_id, memory, relevant, at) SELECT ?1, ?2, ?3, ?4 WHERE {_REMEMBERED}"  # noqa: S608
            " AND NOT EXISTS (SELECT 1 FROM removed WHERE turn_id = ?2)"
            " ON CONFLICT (turn_id, memory) DO UPDATE SET relevant = excluded.relevant, at = excluded.at"
            " WHERE excluded.at > labels.at",
            lambda one: (one["turn_id"], one["memory"], int(one["relevant"]), _at(one)),
        ),
    ),
    RecordTable(
        "observations",
        "SELECT turn_id, at, observation FROM observations ORDER BY at, turn_id",
        _to_observation,
        _add_observations,
    ),
    RecordTable(
        "forgotten",
        "SELECT turn_id FROM removed ORDER BY turn_id",
        lambda row: {"turn_id": row[0]},
        _insert(
            "INSERT OR IGNORE INTO removed (turn_id)"
            " SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM episodes WHERE turn_id = ?1)",
            lambda one: (one["turn_id"],),
        ),
    ),
)
"""The parts of L3 in an export, without vectors, in the order in which an import adds them.

Turns that were forgotten here are not added again.
"""


def forgotten(db: Database) -> set[str]:
    """Return the ids of the turns that were forgotten."""
    return {turn_id for (turn_id,) in db.execute("SELECT turn_id FROM removed")}
