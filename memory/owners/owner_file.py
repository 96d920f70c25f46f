"""One owner's SQLite file, and connections to it that work one piece of work after the other."""

import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from memory.concurrency.background import settle
from memory.owners.owner_schema import VERSION, is_up_to_date, migrate, version

CACHED_KIB = 32_768  # of a file that its reader keeps, at most
T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class FileRefused(Exception):
    """The file can be read, but it is not this owner's, or not of this version."""


class OwnerConnection:
    """Run work on one connection, in order and one at a time, on any free thread of a pool.

    The connection opens on first use, and again when the file moved. Work runs as a whole even when whoever
    waits for it is cancelled, and for any event loop.

    Args:
        pool: runs the work.
        path: the file.
        connect: opens it.
        create: make the file when there is none.
        on_idle: called on a thread of the pool when nothing waits any more.
    """

    def __init__(
        self,
        pool: Executor,
        path: Path,
        connect: Callable[[], sqlite3.Connection],
        *,
        create: bool,
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._pool = pool
        self._path = path
        self._connect = connect
        self._create = create
        self._on_idle = on_idle
        self._guard = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._busy = False
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None

    @property
    def busy(self) -> bool:
        """Tell whether work runs or waits."""
        return self._busy

    def submit(self, work: Work[T]) -> Future[T]:
        """Queue `work` behind what was submitted before."""
        return self._queue(partial(self._run, work))

    def close(self) -> Future[None]:
        """Close after what was submitted so far."""
        return self._queue(self.disconnect)

    def _queue(self, call: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._guard:
            self._waiting.append(partial(settle, future, call))
            idle, self._busy = not self._busy, True
        if idle:
            self._pool.submit(self._next)
        return future

    def _next(self) -> None:
        """Do one piece of work, then queue for a thread again: no lane keeps one from the others."""
        self._waiting.popleft()()
        with self._guard:
            again = self._busy = bool(self._waiting)
        if again:
            self._pool.submit(self._next)
        else:
            self._on_idle()

    def _run(self, work: Work[T]) -> T:
        try:
            return work(self._current())
        except sqlite3.Error:
            self.disconnect()
            raise

    def _current(self) -> sqlite3.Connection:
        while self._connection is None or self._inode != inode(self._path):
            self.disconnect()
            if self._create:
                create_private(self._path)
            self._inode = inode(self._path)
            self._connection = self._connect()
        return self._connection

    def disconnect(self) -> None:
        """Close at once; only for a lane that nothing is submitted to any more."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def inode(path: Path) -> int | None:
    """Return what tells this file from another one put in its place; None when there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def create_private(path: Path) -> None:
    """Make an empty file that only its user may read, in a folder that only its user may enter.

    One that is there is not touched: to close a file ends all locks that the process has on it, SQLite's too,
    and another process would then take the write-ahead log away under a connection that goes on writing.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def open_writer(path: Path, owner: bytes, busy_timeout: float) -> sqlite3.Connection:
    """Open the owner's file and bring it up to date.

    Raises:
        FileRefused: it is another owner's, or of a newer version.
    """
    return _prepared(_connect(path, "rw", busy_timeout), path, owner, busy_timeout)


def open_reader(path: Path, owner: bytes, busy_timeout: float) -> sqlite3.Connection:
    """Open the owner's file for reading; an owner without a file reads as empty.

    Raises:
        FileRefused: it is another owner's, or of a newer version.
    """
    if inode(path) is None:
        empty = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        migrate(empty)
        return empty
    connection = _connect(path, "rw", busy_timeout)
    try:
        fresh = is_up_to_date(connection) and _owner(connection) is not None
        if not fresh:
            open_writer(path, owner, busy_timeout).close()
        _check(connection, path, owner)
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA cache_size = -{CACHED_KIB}")
    except BaseException:
        connection.close()
        raise
    return connection


def read_owner(path: Path) -> bytes | None:
    """Read whose file it is; None when it was never finished."""
    with closing(_connect(path, "rw", 1.0)) as connection:
        return _owner(connection) if version(connection) else None


def snapshot(connection: sqlite3.Connection, work: Work[T]) -> T:
    """Do `work`, which reads, on one state of the file, whatever is written meanwhile."""
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")


def transaction(connection: sqlite3.Connection, work: Work[T]) -> T:
    """Do `work` and commit it, or leave everything as it was; takes the write lock first."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def destroy(connection: sqlite3.Connection, path: Path) -> None:
    """Delete the file; while somebody else has it open, overwrite all that it holds instead."""
    transaction(connection, _clear)
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",):
            connection.execute("BEGIN EXCLUSIVE")
            path.unlink(missing_ok=True)
    connection.close()


def _clear(connection: sqlite3.Connection) -> None:
    virtual = "SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'"
    for name, sql in connection.execute(virtual).fetchall():
        connection.execute(f'DROP TABLE "{name}"')
        connection.execute(sql)
    ordinary = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
    for (name,) in connection.execute(ordinary).fetchall():
        if name not in ("sqlite_schema", "sqlite_master"):
            connection.execute(f'DELETE FROM "{name}"')  # noqa: S608


def _connect(path: Path, mode: str, busy_timeout: float) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=busy_timeout, isolation_level=None, check_same_thread=False)


def _prepared(
    connection: sqlite3.Connection, path: Path, owner: bytes, busy_timeout: float
) -> sqlite3.Connection:
    try:
        _write_ahead(connection, time.monotonic() + busy_timeout)
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
        if _is_behind(connection) or _owner(connection) is None:
            transaction(connection, lambda db: _introduce(db, owner))
        _check(connection, path, owner)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_behind(connection: sqlite3.Connection) -> bool:
    return version(connection) <= VERSION and not is_up_to_date(connection)


def _write_ahead(connection: sqlite3.Connection, deadline: float) -> None:
    """Switch to WAL; SQLite does not wait for a lock here by itself."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _introduce(connection: sqlite3.Connection, owner: bytes) -> None:
    migrate(connection)
    connection.execute("INSERT OR IGNORE INTO owner (id, name) VALUES (1, ?)", (owner,))


def _owner(connection: sqlite3.Connection) -> bytes | None:
    if not version(connection):
        return None
    row = connection.execute("SELECT name FROM owner").fetchone()
    return bytes(row[0]) if row else None


def _check(connection: sqlite3.Connection, path: Path, owner: bytes) -> None:
    if version(connection) > VERSION:
        raise FileRefused(f"{path} was written by a newer version; upgrade goat2 to read it")
    found = _owner(connection)
    if found != owner:
        whose = "nobody" if found is None else repr(found.decode("utf-8", "replace"))
        raise FileRefused(f"{path} belongs to {whose}; move it back where it came from")
