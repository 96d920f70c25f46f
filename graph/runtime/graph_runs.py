"""Runs of the graph in threads, with checkpoints or, for private turns, without."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import HumanMessage, RemoveMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Durability, Interrupt, StateSnapshot

from graph.events.approval import approvals
from graph.events.turn_events import Event, Events, Finished, NodeFinished, Piece, ToolsRequested, Waiting
from graph.exchange import Exchange
from graph.layers import Layers
from graph.observability.telemetry import turn_span
from graph.settings.context import Experiment, TurnContext
from graph.state.turn_state import State, TurnInput
from memory.errors import TierCorrupt
from memory.markup import VisibleText

Compiled = CompiledStateGraph[State, TurnContext, TurnInput, State]
_WRITER = "respond"
_INTERRUPT = "__interrupt__"
Tools = Mapping[str, Mapping[str, Any]]
"""Schemas of the tools' arguments, by name."""


@dataclass(frozen=True, slots=True)
class GraphRuns:
    """Runs turns in threads and reads their checkpoints."""

    layers: Layers
    graph: Compiled
    """Compiled with the checkpointer."""
    untraced: Compiled
    """Compiled without a checkpointer."""

    async def run_stoppable(
        self,
        turn_id: str,
        given: TurnInput | Command[Any],
        thread: str,
        context: TurnContext,
        *,
        private: bool = False,
    ) -> Events:
        """Run as `run` does, until `stop` is called."""
        with self.layers.stops.accept(turn_id):
            async with aclosing(self.run(turn_id, given, thread, context, private=private)) as events:
                async for event in events:
                    yield event

    def ahead(
        self, message: HumanMessage, thread: str, context: TurnContext, *, owner: str
    ) -> AbstractAsyncContextManager[None]:
        """Search ahead of the run that `message` begins; an unused result is dropped after the block."""
        context = _without_forks(context)
        if context.experiment is not Experiment.OFF:
            return nullcontext()
        return self.layers.prefetch.ahead(self.layers.turns.of(message, owner, thread), context)

    async def run(
        self,
        turn_id: str,
        given: TurnInput | Command[Any] | None,
        thread: str,
        context: TurnContext,
        *,
        private: bool = False,
    ) -> Events:
        """Run the graph with an input; None resumes the thread from its last checkpoint.

        Nothing of a private turn is stored.
        """
        context = _without_forks(context)
        tools = await self.layers.toolbox.schemas() if context.tool_rounds else {}
        durability: Durability | None = None if private else "sync"
        stream = (self.untraced if private else self.graph).astream(
            given,
            _config(thread),
            context=context,
            stream_mode=["custom", "updates", "values"],
            durability=durability,
        )
        events = _read_events(cast("AsyncGenerator[Any, None]", stream), tools)
        if not private and (tracer := self.layers.telemetry.tracer()):
            events = turn_span(tracer, turn_id, events)
        async with aclosing(events):
            async for event in events:
                yield event

    async def snapshot(self, thread: str) -> StateSnapshot:
        """Return the thread's latest checkpoint."""
        return await self.graph.aget_state(_config(thread))

    async def readable_snapshot(self, thread: str) -> StateSnapshot | None:
        """Return the thread's latest checkpoint; None when it is damaged."""
        try:
            return await self.snapshot(thread)
        except TierCorrupt:
            return None

    async def history(self, thread: str) -> AsyncIterator[StateSnapshot]:
        """Yield the thread's checkpoints, latest first."""
        async for snapshot in self.graph.aget_state_history(_config(thread)):
            yield snapshot

    async def close(self, thread: str) -> None:
        """End the thread's turn without running it further."""
        await self.graph.aupdate_state(_config(thread), None, as_node=END)

    async def withdraw(self, thread: str, message_id: str) -> None:
        """Remove a message that must not be answered, and end its turn."""
        gone = {"messages": [RemoveMessage(id=message_id)]}
        await self.graph.aupdate_state(_config(thread), gone, as_node="archive")


async def _read_events(stream: AsyncGenerator[Any, None], tools: Tools) -> Events:
    """Convert a graph's stream, to its end or to an interrupt; calls written as text are hidden."""
    visible, finished = VisibleText(tools), list[Event]()
    state: Any = None
    interrupts: dict[str, Interrupt] = {}
    async with aclosing(stream):
        async for mode, event in stream:
            if mode == "custom":  # text that `respond` streams
                if shown := visible.feed(str(event)):
                    yield Piece(shown)
            elif mode == "values":  # a superstep's values arrive once its checkpoint is stored
                state = event
                for one in finished:
                    yield one
                finished.clear()
            else:
                if _WRITER in event:
                    finished += _end_of_text(event[_WRITER], visible.end())
                    visible = VisibleText(tools)
                interrupts |= {one.id: one for one in event.get(_INTERRUPT, ())}
                finished += [NodeFinished(node) for node in event if node != _INTERRUPT]
    if interrupts:
        yield Waiting(state["turn"].turn_id, state["turn"].owner, approvals(interrupts.values()))
    else:
        yield Finished(state)


def _end_of_text(update: Mapping[str, Any], rest: str) -> list[Event]:
    """Return the event that ends the streamed text: tool calls, or the rest of the reply."""
    exchange: Exchange | None = update.get("exchange")
    if exchange is not None:
        return [ToolsRequested(tuple(call.name for call in exchange.rounds[-1].calls))]
    return [Piece(rest)] if rest else []


def _without_forks(context: TurnContext) -> TurnContext:
    """Turn off fork detection, which saves every node the lookup: these runs are never forks."""
    if context.experiment is not Experiment.FORKS:
        return context
    return context.model_copy(update={"experiment": Experiment.OFF})


def _config(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}
