"""Checkpoints and task writes on their way to Redis."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from graph.redis_saver_write import CheckpointEntry, Entry, WritesEntry
from memory.episodic.background import Background
from memory.errors import TierUnavailable

LINGER = 0.1
"""Seconds that an entry may wait: longer than the steps before the model's call, which take 30 ms on a quiet
machine, so that theirs go together while the model is being asked, also on a busy one."""


@dataclass(slots=True)
class _Lane:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    entries: list[Entry] = field(default_factory=list)
    deferred: set[int] = field(default_factory=set)
    """Identities of those that may be left out once a checkpoint holds what they wrote."""
    timer: asyncio.TimerHandle | None = None


class CommitQueue:
    """Send the entries of each thread in order; deferred ones wait for the next that a crash must not cost.

    What could not be sent is sent before the thread's next entry.
    """

    def __init__(self, send: Callable[[Sequence[Entry]], Awaitable[None]], background: Background) -> None:
        """Take what stores entries of one thread at once, and raises `TierUnavailable` when it cannot."""
        self._send = send
        self._background = background
        self._lanes: dict[str, _Lane] = {}

    def defer(self, entry: Entry) -> None:
        """Send an entry with the next one of its thread, or after `LINGER`."""
        lane, thread = self._add(entry), entry.namespace.thread
        lane.deferred.add(id(entry))
        if lane.timer is None:
            flush = partial(self.flush, thread)
            lane.timer = asyncio.get_running_loop().call_later(
                LINGER, self._background.joined, ("flush", thread), flush
            )

    async def commit(self, entry: Entry) -> None:
        """Send an entry, after those of its thread that wait."""
        self._add(entry)
        await self.flush(entry.namespace.thread)

    def _add(self, entry: Entry) -> _Lane:
        """Queue an entry, and drop the deferred writes that it contains; others only wait for a send."""
        lane = self._lanes.setdefault(entry.namespace.thread, _Lane())
        if isinstance(entry, CheckpointEntry):
            lane.entries = [
                one for one in lane.entries if id(one) not in lane.deferred or not _is_contained(one, entry)
            ]
        lane.entries.append(entry)
        return lane

    async def flush(self, thread: str) -> None:
        """Send what waits in a thread."""
        lane = self._lanes.get(thread)
        if lane is None:
            return
        async with lane.lock:
            if lane.timer is not None:
                lane.timer.cancel()
            entries, lane.entries, lane.timer = lane.entries, [], None
            lane.deferred.clear()
            try:
                if entries:
                    await self._send(entries)
            except (TierUnavailable, asyncio.CancelledError):
                lane.entries[:0] = entries
                raise
        if not lane.entries and self._lanes.get(thread) is lane:
            del self._lanes[thread]

    async def flush_all(self) -> None:
        """Send what waits in any thread."""
        for thread in list(self._lanes):
            await self.flush(thread)

    def discard(self, thread: str) -> None:
        """Drop what waits in a thread that is deleted."""
        lane = self._lanes.pop(thread, None)
        if lane is not None and lane.timer is not None:
            lane.timer.cancel()


def _is_contained(entry: Entry, checkpoint: CheckpointEntry) -> bool:
    return (
        isinstance(entry, WritesEntry)
        and entry.namespace == checkpoint.namespace
        and entry.checkpoint_id == checkpoint.parent
    )
