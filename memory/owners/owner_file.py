"""An owner's SQLite file: serial access by threads of a pool, opening, transactions and deletion."""

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

from memory.concurrency.tasks import run_into
from memory.owners.owner_schema import VERSION, is_up_to_date, migrate, version

CACHED_KIB = 32_768  # page cache of a reader
T = TypeVar("T")
FileWork = Callable[[sqlite3.Connection], T]
Connect = Callable[[], sqlite3.Connection]


class FileRefused(Exception):
    """The file belongs to another owner, or to a newer version."""


class OwnerConnection:
    """Runs submitted work in order on one connection, one call at a time, on threads of a pool.

    Opens the connection on first use, and again when the file was replaced. Cancelling a caller does not
    interrupt its work. Usable from any event loop.

    Args:
        pool: runs the work.
        path: the file.
        connect: opens the connection.
        create: create the file if it is missing.
        on_idle: called on a pool thread when the queue is empty.
    """

    def __init__(
        self, pool: Executor, path: Path, connect: Connect, *, create: bool, on_idle: Callable[[], None]
    ) -> None:
        self._pool = pool
        self._path = path
        self._connect = connect
        self._create = create
        self._on_idle = on_idle
        self._guard = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self.busy = False
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None

    def submit(self, work: FileWork[T]) -> Future[T]:
        return self._queue(partial(self._run, work))

    def close(self) -> Future[None]:
        """Close the connection after the queued work."""
        return self._queue(self.disconnect)

    def _queue(self, call: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._guard:
            self._waiting.append(partial(run_into, future, call))
            idle, self.busy = not self.busy, True
        if idle:
            self._pool.submit(self._next)
        return future

    def _next(self) -> None:
        """Run one call, then queue for a thread again, so that owners take turns."""
        self._waiting.popleft()()
        with self._guard:
            again = self.busy = bool(self._waiting)
        if again:
            self._pool.submit(self._next)
        else:
            self._on_idle()

    def _run(self, work: FileWork[T]) -> T:
        try:
            return work(self._current())
        except sqlite3.Error:
            self.disconnect()
            raise

    def _current(self) -> sqlite3.Connection:
        while self._connection is None or self._inode != _inode(self._path):
            self.disconnect()
            if self._create:
                _create_private(self._path)
            self._inode = _inode(self._path)
            self._connection = self._connect()
        return self._connection

    def disconnect(self) -> None:
        """Close the connection now; only when nothing is running or submitted."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def open_writer(path: Path, owner: bytes, busy_timeout: float) -> sqlite3.Connection:
    """Open the owner's file and migrate it; raise `FileRefused` instead of changing another's."""
    connection = _connect(path, busy_timeout)
    try:
        _enable_wal(connection, time.monotonic() + busy_timeout)
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
        is_old = version(connection) <= VERSION and not is_up_to_date(connection)
        if is_old or _owner(connection) is None:
            transaction(connection, lambda db: _initialize(db, owner))
        _check(connection, path, owner)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path, owner: bytes, busy_timeout: float) -> sqlite3.Connection:
    """Open the owner's file for reading, as `open_writer` does; a missing file reads as empty."""
    if _inode(path) is None:
        empty = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        migrate(empty)
        return empty
    connection = _connect(path, busy_timeout)
    try:
        if not is_up_to_date(connection) or _owner(connection) is None:
            open_writer(path, owner, busy_timeout).close()
        _check(connection, path, owner)
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA cache_size = -{CACHED_KIB}")
    except BaseException:
        connection.close()
        raise
    return connection


def read_owner(path: Path) -> bytes | None:
    """Return the owner of a file; None when the file is not initialized."""
    with closing(_connect(path, 1.0)) as connection:
        return _owner(connection)


def snapshot(connection: sqlite3.Connection, work: FileWork[T]) -> T:
    """Run the read-only `work` in one transaction, on a consistent snapshot."""
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")


def transaction(connection: sqlite3.Connection, work: FileWork[T]) -> T:
    """Run `work` in one write transaction; roll back on an exception."""
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
    """Delete the file, or overwrite its content while another process has it open."""
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


def _connect(path: Path, busy_timeout: float) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=busy_timeout, isolation_level=None, check_same_thread=False)


def _inode(path: Path) -> int | None:
    """Return the file's inode, which changes when the file is replaced; None without a file."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _create_private(path: Path) -> None:
    """Create an empty file with mode 600 in a folder with mode 700.

    An existing file is never opened: closing it would release all locks of this process on it, SQLite's too,
    and another process could then delete the write-ahead log of an open connection.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _enable_wal(connection: sqlite3.Connection, deadline: float) -> None:
    """Switch to WAL, with retries: SQLite's busy timeout does not apply to this pragma."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _initialize(connection: sqlite3.Connection, owner: bytes) -> None:
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
