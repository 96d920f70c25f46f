"""Copy of an owner's tables from one database to another, verified."""

import hashlib
import pickle
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Final

from memory.database import Database, OwnerTables, Value
from memory.errors import MemoryTierError
from memory.lexical.lexical_index import META_KEYS, derive_all
from memory.owners.postgres_schema import TABLES

TIER: Final = "episodic"
_PAGE: Final = 500
_DERIVED: Final = frozenset({"owner", "keys", "postings"})
"""Tables that are filled anew in the target."""
COPIED: Final = {
    table: (", ".join(column.split()[0] for column in columns.split(", ")), key)
    for table, (columns, key) in TABLES.items()
    if table not in _DERIVED
}
"""Columns and key of each table."""
_NUMBER_ABOVE: Final = """
    SELECT COUNT(nextval('seqs')) FROM generate_series(1, CAST(? AS BIGINT) - (SELECT last_value FROM seqs))
"""
"""Advances the sequence one by one, so that no concurrent writer's number is used again."""

_Page = tuple[str, list[tuple[Value, ...]]]


@dataclass(slots=True)
class TableDigest:
    """Number of rows in each table, and a hash of all."""

    rows: dict[str, int] = field(default_factory=dict)
    sha256: str = ""

    @property
    def is_empty(self) -> bool:
        """True without any row."""
        return not any(self.rows.values())


class OwnerCopyRefused(MemoryTierError):
    """The target has other data of the owner."""


async def copy_tables(
    source: OwnerTables, target: OwnerTables, *, owner: str, replace: bool = False
) -> tuple[TableDigest, bool]:
    """Copy an owner from a snapshot of the source, in one transaction of the target, and compare both.

    Args:
        source: the database to read; its data stays.
        target: the database to write.
        owner: the owner to copy.
        replace: delete other data of the owner in the target first.

    Returns:
        What was copied, and False if the target had the same already.

    Raises:
        OwnerCopyRefused: the target has other data of the owner, and `replace` is not set.
        MemoryTierError: a database failed, or does not give back what was written.
    """
    with TemporaryFile() as spool:
        there = await source.read_apart(owner, TIER, partial(_digest, spool=spool))
        here = await target.read_apart(owner, TIER, _digest)
        if here == there:
            return there, False
        if not here.is_empty and not replace:
            raise OwnerCopyRefused(TIER, f"the target has other data of {owner!r}; --replace deletes it")
        if not here.is_empty:
            await target.erase(owner)
        await target.write(owner, TIER, partial(_fill, spool=spool))
    if await target.read_apart(owner, TIER, _digest) != there:
        raise MemoryTierError(TIER, f"what was copied of {owner!r} does not read back as written")
    return there, True


def _digest(db: Database, spool: IO[bytes] | None = None) -> TableDigest:
    """Count and hash all rows; with `spool`, write them there."""
    digest, found = hashlib.sha256(), TableDigest(dict.fromkeys(COPIED, 0))
    for table, rows in _pages(db):
        found.rows[table] += len(rows)
        digest.update(repr((table, rows)).encode("utf-8", "surrogatepass"))
        if spool is not None:
            pickle.dump((table, rows), spool)
    found.sha256 = digest.hexdigest()
    return found


def _pages(db: Database) -> Iterator[_Page]:
    for table, (columns, key) in COPIED.items():
        kept = f"WHERE key NOT IN ({', '.join(map(repr, META_KEYS))})" if table == "meta" else ""
        rows = iter(db.execute(f"SELECT {columns} FROM {table} {kept} ORDER BY {key}"))  # noqa: S608
        while page := list(islice(rows, _PAGE)):
            yield table, page


def _fill(db: Database, spool: IO[bytes]) -> None:
    for table, rows in _spooled(spool):
        places = ", ".join("?" * len(rows[0]))
        db.executemany(f"INSERT INTO {table} ({COPIED[table][0]}) VALUES ({places})", rows)  # noqa: S608
    derive_all(db)
    if not isinstance(db, sqlite3.Connection):  # SQLite itself numbers above existing rows
        numbered = (f"SELECT MAX(seq) FROM {table}" for table in ("episodes", "facts", "identities"))  # noqa: S608
        highest = max(db.execute(sql).fetchone()[0] or 0 for sql in numbered)
        db.execute(_NUMBER_ABOVE, (highest,))


def _spooled(spool: IO[bytes]) -> Iterator[_Page]:
    spool.seek(0)
    while True:
        try:
            yield pickle.load(spool)  # noqa: S301 - written by `_digest`
        except EOFError:
            return
