"""The state in which a thread's latest turn ended, kept in memory: the next turn need not decode it again."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from langgraph.checkpoint.base import CheckpointTuple

from graph.redis_saver_keys import Namespace
from graph.redis_saver_write import CheckpointEntry, Entry

THREADS = 16
"""Threads of which a state is kept; it takes half a megabyte when the conversation is long."""
SECONDS = 600.0
"""A guess at how long a person thinks before the next message."""


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
        since = self.clock() - SECONDS
        while self._kept and (len(self._kept) > THREADS or next(iter(self._kept.values()))[0] < since):
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
