"""The folder of owners' files: one SQLite file each, opened on first use, idle ones closed."""

import asyncio
import hashlib
import logging
import re
import sqlite3
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TypeVar

from memory.errors import MemoryTierError, TierCorrupt, TierUnavailable
from memory.owner_file import (
    FileRefused,
    Lane,
    Work,
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


def owner_key(owner: str) -> str:
    """Return a name for the owner that is safe for files and collections, readable, and never another's."""
    plain = unicodedata.normalize("NFKD", owner).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:32].strip("-") or "owner"
    return f"{slug}-{hashlib.sha256(_encoded(owner)).hexdigest()[:24]}"


class OwnerFiles:
    """Read and write each owner's file; usable from any event loop, and again after `close`.

    Args:
        folder: answers where the files are; asked on use.
        open_files: how many owners' files stay open.
        busy_timeout: seconds to wait for a lock that another process holds.
    """

    def __init__(
        self, folder: Callable[[], Path], *, open_files: int = 64, busy_timeout: float = 5.0
    ) -> None:
        self._folder = folder
        self._cap = open_files
        self._busy_timeout = busy_timeout
        self._lanes: OrderedDict[str, tuple[Lane, Lane]] = OrderedDict()
        self._guard = threading.Lock()

    def path(self, owner: str) -> Path:
        """Return where the owner's file stands, or would."""
        return self._folder() / f"{owner_key(owner)}{SUFFIX}"

    async def read(self, owner: str, tier: str, work: Work[T]) -> T:
        """Run `work` on a connection that cannot write; it never waits for a writer.

        Raises:
            TierUnavailable: the folder cannot be used, or somebody else holds the lock.
            TierCorrupt: the file cannot be read, or is another owner's.
        """
        return await self._settle(owner, tier, self._submit(owner, 0, partial(snapshot, work=work)))

    async def write(self, owner: str, tier: str, work: Work[T]) -> T:
        """Run `work` in one transaction; when this returns it is on the disk.

        Raises:
            TierUnavailable: the folder cannot be used, or somebody else holds the lock.
            TierCorrupt: the file cannot be read, or is another owner's.
        """
        return await self._settle(owner, tier, self._submit(owner, 1, partial(transaction, work=work)))

    async def scrub(self, owner: str, tier: str) -> None:
        """Leave nothing of what was deleted in the owner's write-ahead log, as far as readers allow."""
        await self._settle(owner, tier, self._submit(owner, 1, _checkpoint))

    async def owners(self) -> list[str]:
        """List the owners that have a file, sorted; files that cannot be read are logged and left out."""
        return await asyncio.to_thread(self._listed)

    async def erase(self, owner: str) -> None:
        """Delete the owner's file with all that every tier keeps in it.

        Raises:
            TierUnavailable: the folder cannot be used, or somebody else holds the lock.
        """
        with self._guard:
            lanes = self._lanes.pop(owner, None)
        if lanes is not None:
            await asyncio.gather(*(asyncio.wrap_future(lane.close()) for lane in lanes))
        path = self.path(owner)
        if await asyncio.to_thread(path.exists):
            lane = self._writer(owner, threading.Lock())
            erased = lane.submit(partial(destroy, path=path))
            lane.close()
            await self._settle(owner, "permanent", erased)

    async def close(self) -> None:
        """Close every file, after what is running."""
        with self._guard:
            lanes = [lane for pair in self._lanes.values() for lane in pair]
            self._lanes.clear()
            closed = [lane.close() for lane in lanes]
        await asyncio.gather(*map(asyncio.wrap_future, closed))

    def _submit(self, owner: str, which: int, work: Work[T]) -> Future[T]:
        with self._guard:
            if owner not in self._lanes:
                opening = threading.Lock()
                self._lanes[owner] = (self._reader(owner, opening), self._writer(owner, opening))
            self._lanes.move_to_end(owner)
            while len(self._lanes) > self._cap:
                for idle in self._lanes.popitem(last=False)[1]:
                    idle.close()
            return self._lanes[owner][which].submit(work)

    def _reader(self, owner: str, opening: threading.Lock) -> Lane:
        path = self.path(owner)
        opened = partial(open_reader, path, _encoded(owner), self._busy_timeout)
        return Lane(path, partial(_in_turn, opening, opened), create=False)

    def _writer(self, owner: str, opening: threading.Lock) -> Lane:
        path = self.path(owner)
        opened = partial(open_writer, path, _encoded(owner), self._busy_timeout)
        return Lane(path, partial(_in_turn, opening, opened), create=True)

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
        for path in sorted(self._folder().glob(f"*{SUFFIX}")):
            try:
                name = read_owner(path)
            except sqlite3.Error as error:
                LOG.warning("%s is left out: %s", path, error)
                continue
            if name is not None:
                owners.append(name.decode("utf-8", "surrogatepass"))
        return sorted(owners)


def _in_turn(opening: threading.Lock, opened: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    """Open when the other lane has opened: whichever is first may bring an older file up to date for long."""
    with opening:
        return opened()


def _checkpoint(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _encoded(owner: str) -> bytes:
    return owner.encode("utf-8", "surrogatepass")


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
