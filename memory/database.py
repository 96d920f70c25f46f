"""The SQL of the memory, in one dialect for SQLite and PostgreSQL, and the values in its columns.

Times are whole microseconds, text is UTF-8.

It uses what both support, or `memory.owners.postgres_sql` can translate: `ON CONFLICT` in place of `INSERT OR
REPLACE`, `RETURNING` in place of the last row's id, casts where a JSON list holds numbers. `INSERT OR IGNORE`
stays: after an insert with `ON CONFLICT` SQLite's full-text index begins a new segment. `meta` holds only
bytes: a column of PostgreSQL has one type.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

T = TypeVar("T")
Value = str | int | float | bytes | None


def to_micros(at: datetime) -> int:
    """Return `at` as microseconds since the epoch, exactly.

    Raises:
        ValueError: `at` has no time zone.
    """
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no time zone; times in the memory are timezone-aware")
    return (at - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    return EPOCH + micros * MICROSECOND


def require_utf8(text: str, what: str) -> str:
    """Return `text` when it can be stored as UTF-8.

    Raises:
        ValueError: it holds a lone surrogate; names `what` and the place.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{what} holds a lone surrogate at character {error.start}, which no store can keep; "
            "clean text before it is stored"
        ) from error
    return text


class Rows(Protocol):
    """The rows that a statement yields, each a tuple."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """The tables of one owner, in a transaction; a `sqlite3.Connection` is one."""

    def execute(self, sql: str, parameters: Sequence[Value] = ..., /) -> Rows: ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Value]], /) -> Rows: ...


Work = Callable[[Database], T]
"""SQL that runs in one transaction."""


def read_number(db: Database, key: str) -> int:
    """Return a number in `meta`; 0 without one."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return int(row[0]) if row else 0


def put_meta(db: Database, key: str, value: str | int | bytes | None) -> None:
    """Store a value in `meta`, as bytes."""
    kept = str(value).encode() if isinstance(value, str | int) else value
    sql = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    db.execute(sql, (key, kept))
