"""An owner's SQLite file: opening, transactions and deletion."""

import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from memory.owners.owner_connection import FileWork, inode
from memory.owners.owner_schema import VERSION, is_up_to_date, migrate, version

CACHED_KIB = 32_768  # page cache of a reader
T = TypeVar("T")


class FileRefused(Exception):
    """The file belongs to another owner, or to a newer version."""


def open_writer(path: Path, owner: bytes, busy_timeout: float) -> sqlite3.Connection:
    """Open the owner's file and migrate it.

    Raises:
        FileRefused: the file belongs to another owner, or to a newer version.
    """
    return _prepare(_connect(path, "rw", busy_timeout), path, owner, busy_timeout)


def open_reader(path: Path, owner: bytes, busy_timeout: float) -> sqlite3.Connection:
    """Open the owner's file for reading, as `open_writer` does; a missing file reads as empty."""
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
    """Return the owner of a file; None when the file is not initialized."""
    with closing(_connect(path, "rw", 1.0)) as connection:
        return _owner(connection) if version(connection) else None


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


def _connect(path: Path, mode: str, busy_timeout: float) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=busy_timeout, isolation_level=None, check_same_thread=False)


def _prepare(
    connection: sqlite3.Connection, path: Path, owner: bytes, busy_timeout: float
) -> sqlite3.Connection:
    try:
        _enable_wal(connection, time.monotonic() + busy_timeout)
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
        if _needs_migration(connection) or _owner(connection) is None:
            transaction(connection, lambda db: _initialize(db, owner))
        _check(connection, path, owner)
    except BaseException:
        connection.close()
        raise
    return connection


def _needs_migration(connection: sqlite3.Connection) -> bool:
    return version(connection) <= VERSION and not is_up_to_date(connection)


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
