"""One writer of an owner's document at a time, of all event loops, stores and processes of a machine."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from memory.errors import TierUnavailable
from memory.permanent.store_rules import TIER

PATIENCE: Final = 30.0  # seconds
PAUSE: Final = 0.005  # seconds between two looks, on average


class WriterLocks:
    """Locks that are files of a folder, which is made when it is first needed.

    Args:
        folder: where the files are.
        patience: seconds to wait for another writer.
    """

    def __init__(self, folder: Path, patience: float = PATIENCE) -> None:
        self._folder = folder
        self._patience = patience

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Hold a lock; whoever waits for it keeps no thread busy.

        Raises:
            TierUnavailable: others hold it for too long, or the folder cannot be used.
        """
        folder = self._folder
        lock = FileLock(folder / f"{name}.lock", mode=0o600, thread_local=False)
        try:
            await self._take(lock, folder)
        except OSError as error:
            detail = f"{folder} cannot hold locks ({error}); make it writable"
            raise TierUnavailable(TIER, detail) from error
        try:
            yield
        finally:
            lock.release()

    async def _take(self, lock: FileLock, folder: Path) -> None:
        end = asyncio.get_running_loop().time() + self._patience
        while not await _tried(lock, folder):
            if asyncio.get_running_loop().time() > end:
                detail = f"another writer has had {lock.lock_file} for {self._patience:g} s"
                raise TierUnavailable(TIER, f"{detail}; nothing was written, try again when it is done")
            await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))  # noqa: S311 - jitter


async def _tried(lock: FileLock, folder: Path) -> bool:
    """Try once, in a thread; a lock that comes when nobody waits for it any more is let go."""
    trying = asyncio.ensure_future(asyncio.to_thread(_acquired, lock, folder))
    try:
        return await asyncio.shield(trying)
    except asyncio.CancelledError:
        trying.add_done_callback(lambda _: lock.release())
        raise


def _acquired(lock: FileLock, folder: Path) -> bool:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True
