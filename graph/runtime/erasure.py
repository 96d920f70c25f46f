"""Erasure of an owner's data from every store and from the disk."""

import asyncio
import logging
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from graph.checkpoint.redis_saver import RedisSaver
from graph.delegation.state import is_job
from graph.events.snapshots import is_pending, is_run_by_server, owner_in, turn_id_of, waiting_in
from graph.layers import Layers
from graph.observability.log_file import older_files
from graph.observability.logs import log_path
from graph.runtime.graph_runs import GraphRuns
from graph.runtime.server_notes import forget_runs
from graph.settings.settings import exports_folder, terminal_folder
from memory.database import owner_key
from memory.errors import ThreadBusy, TierCorrupt
from memory.owners.erasures import Erasure
from memory.text.text import digest

PATIENCE = 120.0
"""Seconds for a running turn to stop."""
RETRY_SECONDS = 0.05
_HOLD_SECONDS = 1.0
"""Seconds to wait for a thread before its turn is asked to stop again."""
_ROUNDS = 2
"""A turn that began before the first round ended may have read the data; no later one can."""
logger = logging.getLogger(__name__)

Hold = Callable[[str], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class OwnerErasure:
    """Erases an owner, including what running turns write meanwhile."""

    layers: Layers
    saver: RedisSaver
    runs: GraphRuns
    hold: Hold
    """Context manager that keeps turns out of a thread."""

    async def __call__(self, owner: str) -> tuple[str, ...]:
        """Erase an owner; return what may remain on a disk, one sentence each.

        Raises:
            ThreadBusy: a turn of the owner does not end, or another process is erasing the owner.
            MemoryTierError, DataFolderError: a store cannot be reached or written.
        """
        with self.layers.erasures.begin(owner) as erasure:
            return await self.run(erasure)

    async def run(self, erasure: Erasure) -> tuple[str, ...]:
        for _ in range(_ROUNDS):
            erasure.add(await self.threads(erasure.owner))
            for thread in erasure.threads:
                await self._end(thread)
            await self._clear(erasure.owner)
        return await self.clean()

    async def threads(self, owner: str) -> list[str]:
        """List the owner's threads: those in the archive, and those in the checkpoints."""
        kept = [thread for thread in await self.saver.athreads() if not is_job(thread)]
        whose = [await self._owner(thread) for thread in kept]
        held = [thread for thread, found in zip(kept, whose, strict=True) if found == owner]
        return [*await self.layers.episodes.threads(owner=owner), *held]

    async def _owner(self, thread: str) -> str:
        try:
            found = await self.saver.aget_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": ""}})
        except TierCorrupt as error:
            logger.warning("The owner of thread %s is unknown: %s", thread, error)
            return ""
        return owner_in(found.checkpoint["channel_values"], found.metadata) if found else ""

    async def _end(self, thread: str) -> None:
        """Delete a thread once no turn runs in it."""
        until = time.monotonic() + PATIENCE
        while not await self._try_delete(thread):
            if time.monotonic() > until:
                raise ThreadBusy(f"A turn does not end in thread {thread}. Stop it, and erase again.")
            await asyncio.sleep(RETRY_SECONDS)

    async def _try_delete(self, thread: str) -> bool:
        """Ask the thread's turn to stop; delete the thread and return True once it has."""
        snapshot = await self.runs.readable_snapshot(thread)
        if snapshot is not None:
            self.layers.stops.request(turn_id_of(snapshot))
            if is_run_by_server(snapshot) and is_pending(snapshot) and waiting_in(snapshot) is None:
                return False
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(_HOLD_SECONDS):
                    await stack.enter_async_context(self.hold(thread))
            except (ThreadBusy, TimeoutError):
                return False
            await self.saver.adelete_thread(thread)
        return True

    async def _clear(self, owner: str) -> None:
        layers = self.layers
        await layers.delegation.erase(owner=owner)
        await layers.recorder.flush()
        await layers.conversations.erase(owner=owner)
        await layers.episodes.erase(owner=owner)
        layers.prefetch.forget_owner(owner)
        await layers.permanent.erase(owner=owner)
        await layers.files.erase(owner)
        await layers.cache.erase(owner=owner)
        await layers.tool_cache.erase(owner=owner)
        await layers.journal.erase(owner=owner)
        await layers.metrics.erase(owner=owner)
        await layers.reminders.erase(owner=owner)
        await layers.usage.erase(layers.meter.today, owner=owner)
        await layers.plugins.erase(owner=owner)
        await asyncio.to_thread(self._clear_files, owner)

    def _clear_files(self, owner: str) -> None:
        settings = self.layers.settings
        mark = digest(owner).encode()
        blank_log_lines(log_path(settings), settings.log_files, lambda line: mark in line)
        shutil.rmtree(exports_folder(settings, owner), ignore_errors=True)
        for path in terminal_folder(settings).glob(f"{owner_key(owner)}.*"):
            path.unlink(missing_ok=True)

    async def clean(self) -> tuple[str, ...]:
        """Rewrite the stores' files without the deleted data."""
        folder = self.layers.settings.data_folder
        left = [
            self.layers.files.remains,
            await self.layers.episodes.vacuum(),
            await self.layers.redis.rewrite_files(),
            await asyncio.to_thread(forget_runs, folder),
        ]
        for reason in filter(None, left):
            logger.warning("Erased data may remain on a disk: %s", reason)
        return tuple(filter(None, left))


def blank_log_lines(path: Path, older: int, chosen: Callable[[bytes], bool]) -> None:
    """Overwrite lines of the log and of its older files with blanks, after flushing."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    for file in (path, *older_files(path, older)):
        blank_lines(file, chosen)


def blank_lines(path: Path, chosen: Callable[[bytes], bool]) -> None:
    """Overwrite lines of a file, if it exists, with blanks: other processes may append to it."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        place = 0
        for line in file.readlines():
            if chosen(line):
                file.seek(place)
                file.write(b" " * len(line.rstrip(b"\n")))
            place += len(line)
