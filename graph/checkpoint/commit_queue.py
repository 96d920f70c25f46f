"""Checkpoints and task writes on their way to Redis, and the latest of those that were stored."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from langgraph.checkpoint.base import CheckpointTuple

from graph.checkpoint.checkpoint_keys import Namespace
from graph.checkpoint.transactions import CheckpointEntry, Entry, WritesEntry
from memory.concurrency.background import Background
from memory.errors import TierUnavailable

LINGER = 0.1
"""Seconds that an entry may wait: longer than the steps before the model's call, which take 30 ms on a quiet
machine, so that theirs go together while the model is being asked, also on a busy one."""
LATEST_THREADS = 16
"""Threads of which a state is kept; it takes half a megabyte when the conversation is long."""
LATEST_SECONDS = 600.0
"""A guess at how long a person thinks before the next message."""


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


@dataclass(frozen=True, slots=True)
class LatestCheckpoints:
    """The last checkpoints of threads with no work left, as this process wrote them.

    Whoever takes one asks Redis first whether it is still the latest: another process may have gone on.
    """

    clock: Callable[[], float] = time.monotonic
    _kept: OrderedDict[Namespace, tuple[float, CheckpointEntry]] = field(default_factory=OrderedDict)

    def note(self, entries: Sequence[Entry]) -> None:
        """Keep what was just stored, if a turn ended with it."""
        last = entries[-1]
        self.discard(last.namespace.thread)
        if isinstance(last, CheckpointEntry) and last.ends_a_run:
            self._kept[last.namespace] = (self.clock(), last)

    def get(self, namespace: Namespace) -> CheckpointEntry | None:
        """Return what is kept of a namespace."""
        self._expire()
        found = self._kept.get(namespace)
        return found[1] if found else None

    def discard(self, thread: str) -> None:
        """Let go of what is kept of a thread, as when it is deleted."""
        self._kept.pop(Namespace(thread, ""), None)
        self._expire()

    def _expire(self) -> None:
        """Let go of what is old, and of what are too many; those kept longest stand first."""
        since = self.clock() - LATEST_SECONDS
        while self._kept and (len(self._kept) > LATEST_THREADS or next(iter(self._kept.values()))[0] < since):
            self._kept.popitem(last=False)


def as_tuple(entry: CheckpointEntry) -> CheckpointTuple:
    """Return a stored checkpoint as it would be read; LangGraph writes in the mappings that it is given."""
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
