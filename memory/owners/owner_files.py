"""The folder of owners' SQLite files, opened on first use; idle ones are closed."""

import asyncio
import logging
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from enum import Enum
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Final, TypeVar

from memory.database import Work, owner_key, to_bytes
from memory.errors import MemoryTierError, TierCorrupt, TierUnavailable
from memory.owners.owner_file import (
    FileRefused,
    FileWork,
    OwnerConnection,
    destroy,
    open_reader,
    open_writer,
    read_owner,
    snapshot,
    transaction,
)

T = TypeVar("T")
LOG = logging.getLogger(__name__)
SUFFIX = ".sqlite"
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FOLDER = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}


class Use(Enum):
    READ = "read"
    WRITE = "write"


_Connections = dict[Use, OwnerConnection]


class OwnerFiles:
    """Reads and writes owners' files; usable from any event loop, and again after `close`.

    Args:
        folder: where the files are.
        open_files: how many owners' files stay open; more only while work on each of them runs.
        threads: how many pieces of work run at once.
        busy_timeout: seconds to wait for a lock that another process holds.
    """

    def __init__(
        self,
        folder: Path,
        *,
        open_files: int = 28,
        threads: int = 12,
        busy_timeout: float = 5.0,
    ) -> None:
        self._folder = folder
        self._cap = open_files
        self._threads = threads
        self._busy_timeout = busy_timeout
        self._pool = self._new_pool()
        self._files: OrderedDict[str, _Connections] = OrderedDict()
        self._guard = threading.Lock()

    def path(self, owner: str) -> Path:
        """Return the path of the owner's file, which may not exist."""
        return self._folder / f"{owner_key(owner)}{SUFFIX}"

    async def read(self, owner: str, tier: str, work: Work[T]) -> T:
        """Run `work` on a read-only connection, without waiting for writers.

        Raises:
            TierUnavailable: the folder cannot be used, or another process holds the lock.
            TierCorrupt: the file cannot be read, or belongs to another owner.
        """
        running = self._submit(owner, Use.READ, partial(snapshot, work=work))
        return await self._result(owner, tier, running)

    async def write(self, owner: str, tier: str, work: Work[T]) -> T:
        """Run `work` in one transaction, which is on disk when this returns; raises as `read` does."""
        running = self._submit(owner, Use.WRITE, partial(transaction, work=work))
        return await self._result(owner, tier, running)

    async def read_apart(self, owner: str, tier: str, work: Work[T]) -> T:
        """Run long work as `read` does, but on a separate connection, so that nothing waits for it."""
        connection = self._connections(owner)[Use.READ]
        running = connection.submit(partial(snapshot, work=work))
        connection.close()
        return await self._result(owner, tier, running)

    async def scrub(self, owner: str, tier: str) -> None:
        """Remove deleted data from the owner's write-ahead log, as far as readers allow."""
        await self._result(owner, tier, self._submit(owner, Use.WRITE, _checkpoint))

    @property
    def remains(self) -> str:
        """Return "": SQLite overwrites deleted rows."""
        return ""

    async def owners(self) -> list[str]:
        """Return the owners that have a file, sorted; log and skip unreadable files."""
        owners, _ = await asyncio.to_thread(self._list_owners)
        return owners

    async def unreadable(self) -> list[str]:
        """Return the paths of the files whose owner cannot be read."""
        _, paths = await asyncio.to_thread(self._list_owners)
        return paths

    async def size(self, owner: str) -> int:
        """Return the size of the owner's file and of those next to it in bytes; 0 without any."""
        return await asyncio.to_thread(_size, self.path(owner))

    async def tables_with(self, owner: str, texts: Sequence[str]) -> list[str]:  # noqa: ARG002 - files
        return []

    async def erase(self, owner: str) -> None:
        """Delete the owner's file with the data of every tier; raises as `read` does."""
        with self._guard:
            connections = self._files.pop(owner, {})
        await asyncio.gather(
            *(asyncio.wrap_future(connection.close()) for connection in connections.values())
        )
        path = self.path(owner)
        if await asyncio.to_thread(path.exists):
            connection = self._connections(owner)[Use.WRITE]
            erased = connection.submit(partial(destroy, path=path))
            connection.close()
            await self._result(owner, "permanent", erased)

    async def close(self) -> None:
        with self._guard:
            closed = [one.close() for pair in self._files.values() for one in pair.values()]
            self._files.clear()
            self._pool = self._new_pool()  # the old pool's threads end with its last work
        await asyncio.gather(*map(asyncio.wrap_future, closed))

    def _new_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="goat-sqlite")

    def _submit(self, owner: str, use: Use, work: FileWork[T]) -> Future[T]:
        with self._guard:
            if owner not in self._files:
                self._files[owner] = self._connections(owner)
            self._files.move_to_end(owner)
            return self._files[owner][use].submit(work)

    def _connections(self, owner: str) -> _Connections:
        path, lock = self.path(owner), threading.Lock()
        return {
            use: OwnerConnection(
                self._pool,
                path,
                partial(_open_exclusively, lock, partial(open_, path, to_bytes(owner), self._busy_timeout)),
                create=use is Use.WRITE,
                on_idle=self._close_idle,
            )
            for use, open_ in _OPEN.items()
        }

    def _close_idle(self) -> None:
        """Close the least recently used idle files above the limit."""
        with self._guard:
            excess = max(0, len(self._files) - self._cap)
            idle = (who for who, pair in self._files.items() if not any(one.busy for one in pair.values()))
            closing = [self._files.pop(owner) for owner in list(islice(idle, excess))]
        for connection in chain.from_iterable(pair.values() for pair in closing):
            connection.disconnect()

    async def _result(self, owner: str, tier: str, running: Future[T]) -> T:
        try:
            return await asyncio.wrap_future(running)
        except (sqlite3.Error, OSError, FileRefused) as error:
            named = _to_tier_error(error, tier, self.path(owner))
            if named is None:
                raise
            raise named from error

    def _list_owners(self) -> tuple[list[str], list[str]]:
        """Return the owners and the paths of the unreadable files, sorted."""
        owners, unreadable = list[str](), list[str]()
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            try:
                name = read_owner(path)
            except sqlite3.Error as error:
                LOG.warning("%s is left out: %s", path, error)
                unreadable.append(str(path))
                continue
            if name is not None:
                owners.append(name.decode("utf-8", "surrogatepass"))
        return sorted(owners), unreadable


_OPEN: Final = {Use.READ: open_reader, Use.WRITE: open_writer}


def _open_exclusively(lock: threading.Lock, open_: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    """Open one connection at a time, because the first may run a long migration."""
    with lock:
        return open_()


def _checkpoint(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _size(path: Path) -> int:
    size = 0
    for file in path.parent.glob(f"{path.name}*"):
        with suppress(FileNotFoundError):  # SQLite deletes its log with the last connection
            size += file.stat().st_size
    return size


def _to_tier_error(error: Exception, tier: str, path: Path) -> MemoryTierError | None:
    """Return the tier error that says what to do; None for a programming error."""
    if isinstance(error, FileRefused):
        return TierCorrupt(tier, str(error))
    if isinstance(error, OSError):
        return TierUnavailable(tier, f"{path} cannot be opened ({error}); make its folder writable")
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _BROKEN:
        way_out = "restore it from a backup, or move it away with its -wal file to start over"
        return TierCorrupt(tier, f"{path} cannot be read ({error}); {way_out}")
    if code in _BUSY:
        return TierUnavailable(tier, f"{path} is locked by another process; try again when it is done")
    if code in _FOLDER:
        way_out = "make sure that its disk has room and that its folder is writable"
        return TierUnavailable(tier, f"{path} cannot be used ({error}); {way_out}")
    return None
