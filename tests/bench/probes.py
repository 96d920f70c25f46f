"""Timers around the nodes and the checkpointer, and a model that takes no time."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.messages import AIMessageChunk, AnyMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple

from graph.builder import TurnGraph
from graph.checkpoint.redis_saver import RedisSaver
from graph.model.model_call import ChatModel
from graph.settings.settings import Settings

Interval = tuple[float, float]


@dataclass
class Probe:
    """Intervals of the current turn by name, in seconds of `perf_counter`."""

    intervals: defaultdict[str, list[Interval]] = field(default_factory=lambda: defaultdict(list))

    def clear(self) -> None:
        self.intervals.clear()

    def note(self, name: str, began: float) -> None:
        self.intervals[name].append((began, time.perf_counter()))

    def wrap(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Return `call`, timed."""

        async def timed(*args: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return await call(*args, **options)
            finally:
                self.note(name, began)

        return timed

    def spent(self, name: str) -> float:
        """Return the milliseconds of `name`; overlapping intervals count once."""
        total, until = 0.0, 0.0
        for began, ended in sorted(self.intervals[name]):
            total += max(0.0, ended - max(began, until))
            until = max(until, ended)
        return total * 1000


def probe_nodes(graph: TurnGraph, probe: Probe) -> None:
    """Time every node of `graph`, before it is compiled."""
    for name, node in graph.nodes.items():
        runnable = cast("Any", node.runnable)
        runnable.afunc = probe.wrap(name, runnable.afunc)


class TimedSaver(RedisSaver):
    """The checkpointer, timed; keeps the writes of the latest turn."""

    probe: Probe
    written: list[tuple[str, Sequence[Any]]]

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        began = time.perf_counter()
        self.written.append(("aput", (config, checkpoint, metadata, new_versions)))
        try:
            return await super().aput(config, checkpoint, metadata, new_versions)
        finally:
            self.probe.note("checkpoint", began)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        began = time.perf_counter()
        self.written.append(("aput_writes", (config, writes, task_id, task_path)))
        try:
            await super().aput_writes(config, writes, task_id, task_path)
        finally:
            self.probe.note("checkpoint", began)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        began = time.perf_counter()
        try:
            return await super().aget_tuple(config)
        finally:
            self.probe.note("checkpoint read", began)


class ScriptedModel(ChatModel):
    """Answers in this process with its next reply, after a delay."""

    def __init__(self, replies: Sequence[str], seconds: float = 0.0) -> None:
        super().__init__(Settings(model="scripted"))
        self.replies, self.seconds, self.asked = replies, seconds, 0
        self.asked_at = self.answered_at = 0.0

    async def stream(
        self,
        prompt: Sequence[AnyMessage],
        tools: Sequence[BaseTool] = (),
        most: int | None = None,
        message_id: str = "",
    ) -> AsyncIterator[AIMessageChunk]:
        self.asked_at = time.perf_counter()
        await asyncio.sleep(self.seconds)
        self.answered_at = time.perf_counter()
        yield AIMessageChunk(content=self.replies[self.asked % len(self.replies)])
        self.asked += 1

    async def ready(self) -> None:
        """Do nothing: there is nothing to load."""
