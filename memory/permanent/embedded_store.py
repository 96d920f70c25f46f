"""L0 and L1 in the owner's file: an identity override and capped facts, with their history."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

from memory.database import Database, OwnerTables, from_micros, require_utf8, to_micros
from memory.models import Fact
from memory.permanent.permanent_records import (
    TIER,
    FactRecord,
    IdentityRecord,
    Records,
    TokenCap,
    identifier,
    normalize_key,
)

INSERT_FACT: Final = "INSERT INTO facts (identifier, key, value, at) VALUES (?, ?, ?, ?)"
INSERT_IDENTITY: Final = "INSERT INTO identities (text, at) VALUES (?, ?)"
DELETE_FACT: Final = "DELETE FROM facts WHERE identifier = ? AND at <= ?"
CURRENT: Final = """
SELECT key, value, at FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY identifier ORDER BY at DESC, seq DESC) AS place
    FROM facts WHERE at <= ?
) AS ranked WHERE place = 1 AND value IS NOT NULL ORDER BY at DESC, seq DESC
"""
END_OF_TIME: Final = 2**63 - 1


class EmbeddedPermanentStore:
    """`PermanentStore` on an owner's file; its tables are append-only.

    Args:
        files: the owners' files.
        count_tokens: how many tokens a text takes in the prompt; called on a thread.
        max_tokens: how many all current facts, as `key: value` lines, may take together.
    """

    def __init__(
        self,
        files: OwnerTables,
        *,
        count_tokens: Callable[[str], int],
        max_tokens: int,
    ) -> None:
        self._files = files
        self._cap = TokenCap(count_tokens, max_tokens)

    async def identity(self, *, owner: str) -> str | None:
        sql = "SELECT text FROM identities ORDER BY seq DESC LIMIT 1"
        rows = await self._files.read(owner, TIER, lambda db: db.execute(sql).fetchall())
        return rows[0][0] if rows else None

    async def set_identity(self, text: str | None, *, owner: str) -> None:
        if text is not None:
            require_utf8(text, "the identity")
        row = (text, to_micros(datetime.now(UTC)))
        await self._files.write(owner, TIER, lambda db: db.execute(INSERT_IDENTITY, row).rowcount)

    async def identity_history(self, *, owner: str) -> list[tuple[str | None, datetime]]:
        sql = "SELECT text, at FROM identities ORDER BY seq DESC"
        rows = await self._files.read(owner, TIER, lambda db: db.execute(sql).fetchall())
        return [(text, from_micros(at)) for text, at in rows]

    async def facts(self, *, owner: str, as_of: datetime | None = None) -> list[Fact]:
        until = END_OF_TIME if as_of is None else to_micros(as_of)
        return await self._files.read(owner, TIER, partial(_current, until=until))

    async def upsert(self, key: str, value: str, *, owner: str, at: datetime) -> None:
        row = (identifier(key), normalize_key(key), require_utf8(value, "the value of a fact"), to_micros(at))
        await self._files.write(owner, TIER, partial(self._upsert, row=row))

    async def forget(self, key: str, *, owner: str, at: datetime) -> bool:
        row = (identifier(key), normalize_key(key), None, to_micros(at))
        known = {identifier(fact.key) for fact in await self.facts(owner=owner)}
        return row[0] in known and await self._files.write(owner, TIER, partial(_forget, row=row))

    async def history(self, key: str, *, owner: str) -> list[Fact]:
        where = "identifier = ? AND value IS NOT NULL ORDER BY at DESC, seq DESC"
        sql, name = f"SELECT key, value, at FROM facts WHERE {where}", identifier(key)  # noqa: S608
        return _facts(await self._files.read(owner, TIER, lambda db: db.execute(sql, (name,)).fetchall()))

    async def erase_facts(self, keys: Mapping[str, datetime], *, owner: str) -> None:
        ends = [(identifier(key), to_micros(until)) for key, until in keys.items()]
        if await self._files.read(owner, TIER, _holds_anything):
            await self._files.write(owner, TIER, lambda db: db.executemany(DELETE_FACT, ends))
            await self._files.scrub(owner, TIER)

    async def erase(self, *, owner: str) -> None:
        if await self._files.read(owner, TIER, _holds_anything):
            await self._files.write(owner, TIER, _erase)
            await self._files.scrub(owner, TIER)

    async def records(self, *, owner: str) -> Records:
        return await self._files.read(owner, TIER, _records)

    async def restore(self, records: Records, *, owner: str) -> Records:
        return await self._files.write(owner, TIER, partial(_restore, records=records))

    async def owners(self) -> list[str]:
        return await self._files.owners()

    def _upsert(self, db: Database, row: tuple[str, str, str, int]) -> None:
        before = _current(db, END_OF_TIME)
        db.execute(INSERT_FACT, row)
        self._cap.check(row[1], before, _current(db, END_OF_TIME))


def _facts(rows: list[tuple[str, str, int]]) -> list[Fact]:
    return [Fact(key=key, value=value, at=from_micros(at)) for key, value, at in rows]


def _current(db: Database, until: int) -> list[Fact]:
    return _facts(db.execute(CURRENT, (until,)).fetchall())


def _forget(db: Database, row: tuple[str, str, None, int]) -> bool:
    current = len(_current(db, END_OF_TIME))
    db.execute(INSERT_FACT, row)
    return len(_current(db, END_OF_TIME)) < current


def _records(db: Database) -> Records:
    facts = db.execute("SELECT key, value, at FROM facts ORDER BY seq").fetchall()
    identities = db.execute("SELECT text, at FROM identities ORDER BY seq").fetchall()
    return Records(
        tuple(FactRecord(key, value, from_micros(at)) for key, value, at in facts),
        tuple(IdentityRecord(text, from_micros(at)) for text, at in identities),
    )


def _restore(db: Database, records: Records) -> Records:
    missing = records.without(_records(db))
    rows = [(identifier(fact.key), fact.key, fact.value, to_micros(fact.at)) for fact in missing.facts]
    db.executemany(INSERT_FACT, rows)
    db.executemany(INSERT_IDENTITY, [(one.text, to_micros(one.at)) for one in missing.identities])
    return missing


def _holds_anything(db: Database) -> bool:
    sql = "SELECT EXISTS (SELECT 1 FROM facts) OR EXISTS (SELECT 1 FROM identities)"
    return bool(db.execute(sql).fetchone()[0])


def _erase(db: Database) -> None:
    db.execute("DELETE FROM facts")
    db.execute("DELETE FROM identities")
