"""Owners' tables in PostgreSQL. Importing this module imports psycopg."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Final, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from memory.database import Work, owner_key, to_bytes
from memory.errors import ConfigError, MemoryTierError, TierCorrupt, TierUnavailable
from memory.owners.postgres_schema import ANY_OWNER, OWNER, TABLES, prepare, tables_with
from memory.owners.postgres_sql import Connection, PostgresDatabase, register

T = TypeVar("T")
_TIER: Final = "permanent"
_THREADS: Final = 12  # each with a connection
_SETTINGS: Final = ("plan_cache_mode = force_generic_plan", "enable_seqscan = off", "random_page_cost = 0.1")
"""Make plans use indexes: every statement reads few rows, but a generic plan cannot know how few."""
KEY: Final = "GOAT_ARCHIVE_URL"
_FORM: Final = (
    "postgresql://user:password@host:port/database, with options of libpq such as ?sslmode=verify-full;"
    " write signs in the password as %40"
)
_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE: Final = "BEGIN"


class OwnerPartitions:
    """`OwnerTables` on a PostgreSQL server, for any number of processes and machines.

    Row-level security limits every transaction to one owner, whatever its statements say. Writers of an owner
    wait for each other at an advisory lock.

    Args:
        url: a connection string of libpq.
        busy_timeout: seconds to wait for a lock that another writer holds, and for a connection.

    Raises:
        ConfigError: the URL cannot be read.
    """

    def __init__(self, url: SecretStr, *, busy_timeout: float = 5.0) -> None:
        self._url = url
        self._place = _place(url)
        self._busy_timeout = busy_timeout
        self._pool = self._new_pool()
        self._idle: deque[Connection] = deque()

    async def read(self, owner: str, tier: str, work: Work[T]) -> T:
        return await self._run(tier, partial(self._read, owner, tier, work))

    async def write(self, owner: str, tier: str, work: Work[T]) -> T:
        return await self._run(tier, partial(self._write, owner, tier, work))

    async def read_apart(self, owner: str, tier: str, work: Work[T]) -> T:
        run = partial(self._read, owner, tier, work, stream=True)
        return await self._result(tier, asyncio.to_thread(run))

    async def scrub(self, owner: str, tier: str) -> None:
        """Do nothing: see `remains`."""

    @property
    def remains(self) -> str:
        return (
            f"PostgreSQL at {self._place} keeps erased rows in its files until it writes over them:"
            " run VACUUM FULL there, and delete its older logs and backups"
        )

    async def owners(self) -> list[str]:
        return await self._run(_TIER, self._list_owners)

    async def unreadable(self) -> list[str]:
        """Return nothing: a server has no files of single owners."""
        return []

    async def size(self, owner: str) -> int:
        rows = " UNION ALL ".join(
            f"SELECT SUM(pg_column_size({name})) AS size FROM {name}"  # noqa: S608
            for name in TABLES
        )
        sql = f"SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM ({rows}) AS sizes"  # noqa: S608
        return await self.read(owner, _TIER, lambda db: int(db.execute(sql).fetchone()[0]))

    async def tables_with(self, owner: str, texts: Sequence[str]) -> list[str]:
        return await self.read(owner, _TIER, lambda db: tables_with(db, texts))

    async def erase(self, owner: str) -> None:
        await self._run(_TIER, partial(self._erase, owner))

    async def close(self) -> None:
        pool, self._pool = self._pool, self._new_pool()
        await asyncio.to_thread(pool.shutdown)
        await asyncio.to_thread(self._disconnect)

    def _new_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_THREADS, thread_name_prefix="goat-postgres")

    async def _run(self, tier: str, call: Callable[[], T]) -> T:
        return await self._result(tier, asyncio.wrap_future(self._pool.submit(call)))

    async def _result(self, tier: str, running: Awaitable[T]) -> T:
        try:
            return await running
        except psycopg.Error as error:
            named = self._to_tier_error(error, tier)
            if named is None:
                raise
            raise named from error

    def _read(self, owner: str, tier: str, work: Work[T], *, stream: bool = False) -> T:
        with (
            self._transaction(tier, f"{_READ}; {_limit(owner_key(owner))}") as connection,
            closing(PostgresDatabase(connection, stream=stream)) as database,
        ):
            return work(database)

    def _write(self, owner: str, tier: str, work: Work[T]) -> T:
        key = owner_key(owner)
        name = to_bytes(owner).hex()
        named = f"INSERT INTO owner (name) VALUES ('\\x{name}') ON CONFLICT DO NOTHING"  # noqa: S608
        with self._transaction(tier, f"{_WRITE}; {_limit(key)}; {_lock(key)}; {named}") as connection:
            return work(PostgresDatabase(connection))

    def _erase(self, owner: str) -> None:
        key = owner_key(owner)
        with self._transaction(_TIER, f"{_WRITE}; {_limit(key)}; {_lock(key)}") as connection:
            for table in TABLES:
                connection.execute(f"DELETE FROM {table}".encode())  # noqa: S608

    def _list_owners(self) -> list[str]:
        with self._transaction(_TIER, f"{_READ}; {_limit(ANY_OWNER)}") as connection:
            names = connection.execute("SELECT name FROM owner", binary=True).fetchall()
        return sorted(bytes(name).decode("utf-8", "surrogatepass") for (name,) in names)

    @contextmanager
    def _transaction(self, tier: str, begin: str) -> Iterator[Connection]:
        """Run the block in a transaction; nothing of it is kept when it raises."""
        connection = self._begun(tier, begin)
        try:
            yield connection
            connection.execute("COMMIT")
        finally:
            self._give_back(connection)

    def _begun(self, tier: str, begin: str) -> Connection:
        """Begin on an idle connection; on a new one if the server has closed those."""
        with suppress(IndexError):
            idle = self._idle.pop()
            try:
                return self._start(idle, begin)
            except psycopg.OperationalError:
                if not idle.closed:
                    raise
                self._disconnect()
        return self._start(self._connect(tier), begin)

    def _start(self, connection: Connection, begin: str) -> Connection:
        try:
            connection.execute(begin.encode(), prepare=False)
        except BaseException:
            self._give_back(connection)
            raise
        return connection

    def _connect(self, tier: str) -> Connection:
        connection = psycopg.connect(
            self._url.get_secret_value(),
            autocommit=True,
            prepare_threshold=0,
            connect_timeout=max(2, round(self._busy_timeout)),
            client_encoding="UTF8",
            application_name="goat",
            # A machine that is gone is noticed within half a minute.
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=20_000,
        )
        try:
            register(connection)
            connection.execute(f"SET lock_timeout = {round(self._busy_timeout * 1000)}")
            for setting in _SETTINGS:
                connection.execute(f"SET {setting}".encode())
            prepare(connection, tier)
        except BaseException:
            connection.close()
            raise
        return connection

    def _give_back(self, connection: Connection) -> None:
        """Roll back what is not committed, and keep the connection for others."""
        with suppress(psycopg.Error):
            connection.rollback()
        if not connection.closed:
            self._idle.append(connection)

    def _disconnect(self) -> None:
        while True:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def _to_tier_error(self, error: psycopg.Error, tier: str) -> MemoryTierError | None:
        """Return the tier error that says what to do; None for a programming error."""
        reason = str(error).strip().partition("\n")[0]
        place = f"the archive in PostgreSQL at {self._place}"
        if isinstance(error, psycopg.errors.LockNotAvailable):
            return TierUnavailable(tier, f"{place} is locked by another process; try again when it is done")
        if isinstance(error, psycopg.errors.DataCorrupted | psycopg.errors.IndexCorrupted):
            return TierCorrupt(tier, f"{place} cannot be read ({reason}); restore it from a backup")
        known = psycopg.OperationalError | psycopg.errors.InsufficientPrivilege | psycopg.InternalError
        if isinstance(error, known):
            return TierUnavailable(tier, f"{place} cannot be used ({reason}); see {KEY}")
        return None


def _place(url: SecretStr) -> str:
    """Return host and database of a URL, without its secrets."""
    try:
        given = conninfo_to_dict(url.get_secret_value())
    except psycopg.ProgrammingError:  # its text has the URL
        raise ConfigError(f"{KEY} cannot be read. Allowed: {_FORM}") from None
    return f"{given.get('host', 'localhost')}:{given.get('port', 5432)}/{given.get('dbname', '')}"


def _limit(key: str) -> str:
    """Return the SQL that limits a transaction to an owner, given a key without quotes."""
    return f"SET LOCAL {OWNER} = '{key}'"


def _lock(key: str) -> str:
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], signed=True)
    return f"SELECT pg_advisory_xact_lock({number})"
