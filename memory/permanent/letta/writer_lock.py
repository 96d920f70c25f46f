"""Lock of one owner's memory on a Letta server, among the writers of this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import Timeout

from memory.errors import TierUnavailable
from memory.permanent.permanent_records import TIER

if TYPE_CHECKING:
    from filelock import AsyncFileLock

POLL: Final = 0.01  # seconds


@asynccontextmanager
async def writer_lock(folder: Path, name: str, *, patience: float) -> AsyncIterator[None]:
    """Hold a file lock for writers across event loops, stores and processes of one machine.

    Raises:
        TierUnavailable: another writer holds the lock too long, or the folder cannot be used.
    """
    try:
        lock = await asyncio.to_thread(_lock_file, folder, name, patience)
        await lock.acquire()
    except Timeout:
        detail = f"another writer has had the lock {name} in {folder} for {patience:g} s"
        raise TierUnavailable(TIER, f"{detail}; nothing was written, try again when it is done") from None
    except OSError as error:
        detail = f"{folder} cannot hold locks ({error}); make it writable"
        raise TierUnavailable(TIER, detail) from error
    try:
        yield
    finally:
        await lock.release()


def _lock_file(folder: Path, name: str, patience: float) -> "AsyncFileLock":
    from filelock import AsyncFileLock  # noqa: PLC0415 - its import writes a temporary file

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return AsyncFileLock(folder / f"{name}.lock", patience, 0o600, poll_interval=POLL)
