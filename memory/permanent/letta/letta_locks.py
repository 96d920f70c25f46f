"""Per-owner file locks for writers across event loops, stores and processes of one machine."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from memory.errors import TierUnavailable
from memory.permanent.store_rules import TIER

TIMEOUT: Final = 30.0  # seconds
PAUSE: Final = 0.005  # mean seconds between attempts


class WriterLocks:
    """Lock files in a folder that is created on first use.

    Args:
        folder: where the files are.
        patience: seconds to wait for another writer.
    """

    def __init__(self, folder: Path, patience: float = TIMEOUT) -> None:
        self._folder = folder
        self._patience = patience

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Hold a lock; waiting for it occupies no thread.

        Raises:
            TierUnavailable: another writer holds the lock too long, or the folder cannot be used.
        """
        folder = self._folder
        lock = FileLock(folder / f"{name}.lock", mode=0o600, thread_local=False)
        try:
            await self._wait(lock, folder)
        except OSError as error:
            detail = f"{folder} cannot hold locks ({error}); make it writable"
            raise TierUnavailable(TIER, detail) from error
        try:
            yield
        finally:
            lock.release()

    async def _wait(self, lock: FileLock, folder: Path) -> None:
        end = asyncio.get_running_loop().time() + self._patience
        while not await _try_acquire(lock, folder):
            if asyncio.get_running_loop().time() > end:
                detail = f"another writer has had {lock.lock_file} for {self._patience:g} s"
                raise TierUnavailable(TIER, f"{detail}; nothing was written, try again when it is done")
            await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))  # noqa: S311 - jitter


async def _try_acquire(lock: FileLock, folder: Path) -> bool:
    """Try once on a thread; release a lock acquired after the caller was cancelled."""
    attempt = asyncio.ensure_future(asyncio.to_thread(_acquire, lock, folder))
    try:
        return await asyncio.shield(attempt)
    except asyncio.CancelledError:
        attempt.add_done_callback(lambda _: lock.release())
        raise


def _acquire(lock: FileLock, folder: Path) -> bool:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True
