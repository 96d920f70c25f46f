"""Write-behind queue of checkpoints and task writes, and a cache of the latest checkpoints."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from langgraph.checkpoint.base import CheckpointTuple

from graph.checkpoint.checkpoint_records import Namespace
from graph.checkpoint.transactions import CheckpointEntry, Entry
from memory.concurrency.tasks import Background
from memory.errors import TierUnavailable

LINGER = 0.1
"""Seconds that a deferred entry may wait.

The steps before the model's call take 30 ms on a quiet machine; a longer wait batches them on a busy one too.
"""
LATEST_THREADS = 16
"""Threads in the cache; a long conversation's state takes half a megabyte."""
LATEST_SECONDS = 600.0
"""A guess at the time between a person's messages."""


@dataclass(slots=True)
class _ThreadQueue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    entries: list[Entry] = field(default_factory=list)
    deferred: set[int] = field(default_factory=set)
    """Identities of entries that a later checkpoint may replace."""
    timer: asyncio.TimerHandle | None = None


class CommitQueue:
    """Sends each thread's entries in order; deferred ones go with the next durable one.

    Entries that could not be sent stay first in the queue.
    """

    def __init__(self, send: Callable[[Sequence[Entry]], Awaitable[None]], background: Background) -> None:
        """Take `send`, which stores entries of one thread together or raises `TierUnavailable`."""
        self._send = send
        self._background = background
        self._queues: dict[str, _ThreadQueue] = {}

    async def put(self, entry: Entry, *, deferred: bool = False) -> None:
        """Send an entry after its thread's queued ones; a deferred one with the next, or after `LINGER`."""
        thread = entry.namespace.thread
        queue = self._queues.setdefault(thread, _ThreadQueue())
        if isinstance(entry, CheckpointEntry):  # it contains the deferred writes on top of its parent
            replaced = (entry.namespace, entry.parent)
            queue.entries = [
                one
                for one in queue.entries
                if id(one) not in queue.deferred
                or isinstance(one, CheckpointEntry)
                or (one.namespace, one.checkpoint_id) != replaced
            ]
        queue.entries.append(entry)
        if not deferred:
            await self.flush(thread)
            return
        queue.deferred.add(id(entry))
        if queue.timer is None:
            queue.timer = asyncio.get_running_loop().call_later(
                LINGER, self._background.joined, ("flush", thread), partial(self.flush, thread)
            )

    async def flush(self, thread: str) -> None:
        """Send a thread's queue."""
        queue = self._queues.get(thread)
        if queue is None:
            return
        async with queue.lock:
            if queue.timer is not None:
                queue.timer.cancel()
            entries, queue.entries, queue.timer = queue.entries, [], None
            queue.deferred.clear()
            try:
                if entries:
                    await self._send(entries)
            except (TierUnavailable, asyncio.CancelledError):
                queue.entries[:0] = entries
                raise
        if not queue.entries and self._queues.get(thread) is queue:
            del self._queues[thread]

    async def flush_all(self) -> None:
        for thread in list(self._queues):
            await self.flush(thread)

    def discard(self, thread: str) -> None:
        """Drop the queue of a deleted thread."""
        queue = self._queues.pop(thread, None)
        if queue is not None and queue.timer is not None:
            queue.timer.cancel()


@dataclass(frozen=True, slots=True)
class LatestCheckpoints:
    """Cache of the final checkpoints of finished turns that this process wrote.

    Callers check with Redis that the checkpoint is still the latest: another process may have written one.
    """

    clock: Callable[[], float] = time.monotonic
    _kept: OrderedDict[Namespace, tuple[float, CheckpointEntry]] = field(default_factory=OrderedDict)

    def note(self, entries: Sequence[Entry]) -> None:
        """Cache the last of the entries just stored, if it ended a turn."""
        last = entries[-1]
        self.discard(last.namespace.thread)
        if isinstance(last, CheckpointEntry) and last.ends_run:
            self._kept[last.namespace] = (self.clock(), last)

    def get(self, namespace: Namespace) -> CheckpointEntry | None:
        self._expire()
        found = self._kept.get(namespace)
        return found[1] if found else None

    def discard(self, thread: str) -> None:
        self._kept.pop(Namespace(thread, ""), None)
        self._expire()

    def _expire(self) -> None:
        """Evict expired threads, and the oldest beyond the limit."""
        since = self.clock() - LATEST_SECONDS
        while self._kept and (len(self._kept) > LATEST_THREADS or next(iter(self._kept.values()))[0] < since):
            self._kept.popitem(last=False)


def as_tuple(entry: CheckpointEntry) -> CheckpointTuple:
    """Convert a cached entry, copying the mappings that LangGraph modifies."""
    checkpoint, namespace = entry.checkpoint, entry.namespace
    versions, values = checkpoint["channel_versions"].copy(), checkpoint["channel_values"]
    return CheckpointTuple(
        config=namespace.config(entry.id),
        checkpoint={
            **checkpoint,
            "channel_values": {channel: values[channel] for channel in versions if channel in values},
            "channel_versions": versions,
            "versions_seen": {node: seen.copy() for node, seen in checkpoint["versions_seen"].items()},
        },
        metadata={**entry.metadata},
        parent_config=namespace.config(entry.parent) if entry.parent else None,
        pending_writes=[],
    )
