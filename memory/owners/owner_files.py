"""The folder of owners' files: one SQLite file each, opened on first use, idle ones closed."""

import asyncio
import logging
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from enum import Enum
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final, TypeVar

from memory.errors import MemoryTierError, TierCorrupt, TierUnavailable
from memory.owners.owner_file import (
    FileRefused,
    OwnerConnection,
    Work,
    destroy,
    open_reader,
    open_writer,
    read_owner,
    snapshot,
    transaction,
)
from memory.owners.owner_key import encoded, owner_key

T = TypeVar("T")
LOG = logging.getLogger(__name__)
SUFFIX = ".sqlite"
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FOLDER = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}


class Use(Enum):
    """What a connection is for."""

    READ = "read"
    WRITE = "write"


_Lanes = dict[Use, OwnerConnection]


class OwnerFiles:
    """Read and write each owner's file; usable from any event loop, and again after `close`.

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
        self._files: OrderedDict[str, _Lanes] = OrderedDict()
        self._guard = threading.Lock()

    def path(self, owner: str) -> Path:
        """Return where the owner's file stands, or would."""
        return self._folder / f"{owner_key(owner)}{SUFFIX}"

    async def read(self, owner: str, tier: str, work: Work[T]) -> T:
        """Run `work` on a connection that cannot write; it never waits for a writer.

        Raises:
            TierUnavailable: the folder cannot be used, or somebody else holds the lock.
            TierCorrupt: the file cannot be read, or is another owner's.
        """
        running = self._submit(owner, Use.READ, partial(snapshot, work=work))
        return await self._settle(owner, tier, running)

    async def write(self, owner: str, tier: str, work: Work[T]) -> T:
        """Run `work` in one transaction; when this returns it is on the disk.

        Raises:
            TierUnavailable: the folder cannot be used, or somebody else holds the lock.
            TierCorrupt: the file cannot be read, or is another owner's.
        """
        return await self._settle(
            owner, tier, self._submit(owner, Use.WRITE, partial(transaction, work=work))
        )

    async def scrub(self, owner: str, tier: str) -> None:
        """Leave nothing of what was deleted in the owner's write-ahead log, as far as readers allow."""
        await self._settle(owner, tier, self._submit(owner, Use.WRITE, _checkpoint))

    async def owners(self) -> list[str]:
        """List the owners that have a file, sorted; files that cannot be read are logged and left out."""
        return await asyncio.to_thread(self._listed)

    async def erase(self, owner: str) -> None:
        """Delete the owner's file with all that every tier keeps in it.

        Raises:
            TierUnavailable: the folder cannot be used, or somebody else holds the lock.
        """
        with self._guard:
            lanes = self._files.pop(owner, {})
        await asyncio.gather(*(asyncio.wrap_future(lane.close()) for lane in lanes.values()))
        path = self.path(owner)
        if await asyncio.to_thread(path.exists):
            lane = self._lanes(owner)[Use.WRITE]
            erased = lane.submit(partial(destroy, path=path))
            lane.close()
            await self._settle(owner, "permanent", erased)

    async def close(self) -> None:
        """Close every file, after what is running."""
        with self._guard:
            closed = [lane.close() for lanes in self._files.values() for lane in lanes.values()]
            self._files.clear()
            self._pool = self._new_pool()  # the former one's threads end with its last lane
        await asyncio.gather(*map(asyncio.wrap_future, closed))

    def _new_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="goat-sqlite")

    def _submit(self, owner: str, use: Use, work: Work[T]) -> Future[T]:
        with self._guard:
            if owner not in self._files:
                self._files[owner] = self._lanes(owner)
            self._files.move_to_end(owner)
            return self._files[owner][use].submit(work)

    def _lanes(self, owner: str) -> _Lanes:
        path, opening = self.path(owner), threading.Lock()
        return {
            use: OwnerConnection(
                self._pool,
                path,
                partial(_in_turn, opening, partial(open_, path, encoded(owner), self._busy_timeout)),
                create=use is Use.WRITE,
                on_idle=self._close_idle,
            )
            for use, open_ in _OPEN.items()
        }

    def _close_idle(self) -> None:
        """Close the files that were used longest ago, as long as too many are open."""
        with self._guard:
            excess = len(self._files) - self._cap
            idle = self._idle() if excess > 0 else []
            closing = [self._files.pop(owner) for owner in idle[:excess]]
        for lane in chain.from_iterable(lanes.values() for lanes in closing):
            lane.disconnect()

    def _idle(self) -> list[str]:
        return [
            owner for owner, lanes in self._files.items() if not any(lane.busy for lane in lanes.values())
        ]

    async def _settle(self, owner: str, tier: str, running: Future[T]) -> T:
        try:
            return await asyncio.wrap_future(running)
        except (sqlite3.Error, OSError, FileRefused) as error:
            named = _named(error, tier, self.path(owner))
            if named is None:
                raise
            raise named from error

    def _listed(self) -> list[str]:
        owners = []
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            try:
                name = read_owner(path)
            except sqlite3.Error as error:
                LOG.warning("%s is left out: %s", path, error)
                continue
            if name is not None:
                owners.append(name.decode("utf-8", "surrogatepass"))
        return sorted(owners)


_OPEN: Final = {Use.READ: open_reader, Use.WRITE: open_writer}


def _in_turn(opening: threading.Lock, opened: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    """Open when the other lane has opened: whichever is first may bring an older file up to date for long."""
    with opening:
        return opened()


def _checkpoint(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _named(error: Exception, tier: str, path: Path) -> MemoryTierError | None:
    """Say what went wrong and the way out; None when it is a mistake in the code."""
    if isinstance(error, FileRefused):
        return TierCorrupt(tier, str(error))
    if isinstance(error, OSError):
        return TierUnavailable(tier, f"{path} cannot be opened ({error}); make its folder writable")
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _BROKEN:
        way_out = "restore it from a backup, or move it away with its -wal file to begin anew"
        return TierCorrupt(tier, f"{path} cannot be read ({error}); {way_out}")
    if code in _BUSY:
        return TierUnavailable(tier, f"{path} is locked by another process; try again when it is done")
    if code in _FOLDER:
        way_out = "make sure that its disk has room and that its folder is writable"
        return TierUnavailable(tier, f"{path} cannot be used ({error}); {way_out}")
    return None
