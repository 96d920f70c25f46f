"""L0 and L1 in the owner's own file: an identity override and capped facts with their whole history."""

import sqlite3
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from memory.columns import from_micros, require_utf8, to_micros
from memory.errors import FactsFull
from memory.models import Fact
from memory.owner_files import OwnerFiles

TIER: Final = "permanent"
LONGEST_KEY: Final = 200
CURRENT: Final = """
SELECT key, value, at FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY identifier ORDER BY at DESC, seq DESC) AS place
    FROM facts WHERE at <= ?
) WHERE place = 1 AND value IS NOT NULL ORDER BY at DESC, seq DESC
"""
END_OF_TIME: Final = 2**63 - 1


def _now() -> datetime:
    return datetime.now(UTC)


class EmbeddedPermanentStore:
    """`PermanentStore` on an owner's file; rows are only ever added.

    Args:
        files: the owners' files.
        count_tokens: how many tokens a text takes in the prompt; called on a thread.
        max_tokens: how many all current facts, as `key: value` lines, may take together; asked on a thread.
        now: the clock for identity overrides.
    """

    def __init__(
        self,
        files: OwnerFiles,
        *,
        count_tokens: Callable[[str], int],
        max_tokens: Callable[[], int],
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._files = files
        self._count_tokens = count_tokens
        self._max_tokens = max_tokens
        self._now = now

    async def identity(self, *, owner: str) -> str | None:
        """Read the owner's identity override; None when there is none."""
        row = await self._files.read(owner, TIER, _identity)
        return row[0] if row else None

    async def set_identity(self, text: str | None, *, owner: str) -> None:
        """Write the override; None goes back to the configured persona. Former ones stay in the history.

        Raises:
            ValueError: the text cannot be stored (a lone surrogate).
        """
        if text is not None:
            require_utf8(text, "the identity")
        row = (text, to_micros(self._now()))
        sql = "INSERT INTO identities (text, at) VALUES (?, ?)"
        await self._files.write(owner, TIER, lambda db: db.execute(sql, row).rowcount)

    async def identity_history(self, *, owner: str) -> list[tuple[str | None, datetime]]:
        """Read every override and when it was written, newest first; None is the configured persona."""
        sql = "SELECT text, at FROM identities ORDER BY seq DESC"
        rows = await self._files.read(owner, TIER, lambda db: db.execute(sql).fetchall())
        return [(text, from_micros(at)) for text, at in rows]

    async def facts(self, *, owner: str, as_of: datetime | None = None) -> list[Fact]:
        """Read the facts, newest first; with `as_of`, those that stood at that time."""
        until = END_OF_TIME if as_of is None else to_micros(as_of)
        return await self._files.read(owner, TIER, partial(_current, until=until))

    async def upsert(self, key: str, value: str, *, owner: str, at: datetime) -> None:
        """Write a fact; the newest `at` of a key wins, of two at once the later write.

        Raises:
            FactsFull: all facts together would pass the token cap, and this one makes it worse.
            ValueError: the key is empty or longer than 200 characters, or a text cannot be stored.
        """
        row = (identifier(key), _spelt(key), require_utf8(value, "the value of a fact"), to_micros(at))
        await self._files.write(owner, TIER, partial(self._upsert, row=row))

    async def forget(self, key: str, *, owner: str, at: datetime) -> bool:
        """Take a fact out of the current ones, keeping its history; return whether it was there.

        Raises:
            ValueError: the key is empty or longer than 200 characters.
        """
        row = (identifier(key), _spelt(key), None, to_micros(at))
        known = {identifier(fact.key) for fact in await self.facts(owner=owner)}
        return row[0] in known and await self._files.write(owner, TIER, partial(_forget, row=row))

    async def history(self, key: str, *, owner: str) -> list[Fact]:
        """Read every value that a key has had, newest first.

        Raises:
            ValueError: the key is empty or longer than 200 characters.
        """
        where = "identifier = ? AND value IS NOT NULL ORDER BY at DESC, seq DESC"
        sql, name = f"SELECT key, value, at FROM facts WHERE {where}", identifier(key)  # noqa: S608
        return _facts(await self._files.read(owner, TIER, lambda db: db.execute(sql, (name,)).fetchall()))

    async def erase(self, *, owner: str) -> None:
        """Delete the owner's identity, facts and their history, for good."""
        if await self._files.read(owner, TIER, _holds_anything):
            await self._files.write(owner, TIER, _erase)
            await self._files.scrub(owner, TIER)

    def _upsert(self, db: sqlite3.Connection, row: tuple[str, str, str, int]) -> None:
        before = self._tokens(_current(db, END_OF_TIME))
        db.execute("INSERT INTO facts (identifier, key, value, at) VALUES (?, ?, ?, ?)", row)
        after = self._tokens(_current(db, END_OF_TIME))
        cap = self._max_tokens()
        if after > max(cap, before):
            raise FactsFull(
                TIER,
                f"with {row[1]!r} the facts would take {after} tokens of {cap} ({before} now);"
                " shorten it, or forget a fact that is no longer needed",
            )

    def _tokens(self, facts: list[Fact]) -> int:
        return sum(self._count_tokens(f"{fact.key}: {fact.value}\n") for fact in facts)


def identifier(key: str) -> str:
    """Return what two spellings of one key have in common.

    Raises:
        ValueError: the key is empty or longer than 200 characters, or cannot be stored.
    """
    return unicodedata.normalize("NFC", _spelt(key).casefold())


def _spelt(key: str) -> str:
    spelt = unicodedata.normalize("NFC", require_utf8(key, "the key of a fact")).strip()
    if not spelt:
        raise ValueError("the key of a fact is empty; name what it is about")
    if len(spelt) > LONGEST_KEY:
        raise ValueError(f"the key of a fact has {len(spelt)} characters; at most {LONGEST_KEY} are allowed")
    return spelt


def _facts(rows: list[tuple[str, str, int]]) -> list[Fact]:
    return [Fact(key=key, value=value, at=from_micros(at)) for key, value, at in rows]


def _current(db: sqlite3.Connection, until: int) -> list[Fact]:
    return _facts(db.execute(CURRENT, (until,)).fetchall())


def _forget(db: sqlite3.Connection, row: tuple[str, str, None, int]) -> bool:
    standing = len(_current(db, END_OF_TIME))
    db.execute("INSERT INTO facts (identifier, key, value, at) VALUES (?, ?, ?, ?)", row)
    return len(_current(db, END_OF_TIME)) < standing


def _identity(db: sqlite3.Connection) -> tuple[str | None] | None:
    latest = "SELECT text FROM identities ORDER BY seq DESC LIMIT 1"
    row: tuple[str | None] | None = db.execute(latest).fetchone()
    return row


def _holds_anything(db: sqlite3.Connection) -> bool:
    sql = "SELECT EXISTS (SELECT 1 FROM facts) OR EXISTS (SELECT 1 FROM identities)"
    return bool(db.execute(sql).fetchone()[0])


def _erase(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM facts")
    db.execute("DELETE FROM identities")
