"""The tables of an owner: access to them in files or on a server, their SQL, and the values in their columns.

Times are whole microseconds, text is UTF-8.

The SQL uses what SQLite and PostgreSQL support, or `memory.owners.postgres_sql` can translate: `ON CONFLICT`
in place of `INSERT OR REPLACE`, `RETURNING` in place of the last row's id, casts where a JSON list holds
numbers. `INSERT OR IGNORE` stays: after an insert with `ON CONFLICT` SQLite's full-text index begins a new
segment. `meta` holds only bytes: a column of PostgreSQL has one type.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_EARLIEST, _LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)

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


def read_time(text: str) -> datetime:
    """Parse a time that the calendar of every zone holds.

    Raises:
        ValueError: it is no time, has no zone, or is on the first or the last day of the calendar.
    """
    at = datetime.fromisoformat(text)
    if not to_micros(_EARLIEST) <= to_micros(at) < to_micros(_LATEST):
        raise ValueError(f"{text} is no time in the calendar of every zone")
    return at


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


class OwnerTables(Protocol):
    """Runs SQL on the tables of one owner at a time; usable from any event loop, and again after `close`.

    Every method raises `TierUnavailable` when the database cannot be used, and `TierCorrupt` when what it
    holds cannot be read.
    """

    async def read(self, owner: str, tier: str, work: Work[T]) -> T:
        """Run `work` on a read-only snapshot, without waiting for writers."""
        ...

    async def write(self, owner: str, tier: str, work: Work[T]) -> T:
        """Run `work` in one transaction, which is durable when this returns; one per owner at a time."""
        ...

    async def read_apart(self, owner: str, tier: str, work: Work[T]) -> T:
        """Run long work as `read` does, with rows that arrive as they are read; nothing waits for it."""
        ...

    async def scrub(self, owner: str, tier: str) -> None:
        """Remove deleted data from what the database writes next to its tables, as far as readers allow."""
        ...

    @property
    def remains(self) -> str:
        """Return where deleted rows remain on a disk after `scrub`, and what to do; "" for nowhere."""
        ...

    async def owners(self) -> list[str]:
        """Return the owners that have tables, sorted."""
        ...

    async def unreadable(self) -> list[str]:
        """Return the paths of files that `owners` leaves out because they cannot be read."""
        ...

    async def size(self, owner: str) -> int:
        """Return how many bytes the owner's tables take."""
        ...

    async def tables_with(self, owner: str, texts: Sequence[str]) -> list[str]:
        """Return the tables on a server that hold one of the texts; files can be searched byte by byte."""
        ...

    async def erase(self, owner: str) -> None:
        """Delete the owner's tables with the data of every tier."""
        ...

    async def close(self) -> None: ...


def owner_key(owner: str) -> str:
    """Return a readable, unique and file-safe name for the owner."""
    plain = unicodedata.normalize("NFKD", owner).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:32].strip("-") or "owner"
    return f"{slug}-{hashlib.sha256(to_bytes(owner)).hexdigest()[:24]}"


def to_bytes(text: str) -> bytes:
    """Encode a text that may have lone surrogates."""
    return text.encode("utf-8", "surrogatepass")


def read_number(db: Database, key: str) -> int:
    """Return a number in `meta`; 0 without one."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return int(row[0]) if row else 0


def put_meta(db: Database, key: str, value: str | int | bytes | None) -> None:
    """Store a value in `meta`, as bytes."""
    kept = str(value).encode() if isinstance(value, str | int) else value
    sql = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    db.execute(sql, (key, kept))
