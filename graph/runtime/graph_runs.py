"""Runs of the graph in threads, with checkpoints or, for private turns, without."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass, field
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
from memory.markup import VisibleText

Compiled = CompiledStateGraph[State, TurnContext, TurnInput, State]
_WRITER = "respond"
_INTERRUPT = "__interrupt__"
Tools = Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class TurnRun:
    """Events of one run."""

    tools: Tools
    """Schemas by name; calls written as text into the reply are hidden."""
    _visible: VisibleText = field(init=False)
    _done: list[Event] = field(default_factory=list)
    _interrupts: dict[str, Interrupt] = field(default_factory=dict)
    _state: Any = None

    def __post_init__(self) -> None:
        self._visible = VisibleText(self.tools)

    async def events(
        self,
        graph: Compiled,
        given: TurnInput | Command[Any] | None,
        config: RunnableConfig,
        context: TurnContext,
        durability: Durability | None,
    ) -> Events:
        """Run the graph to its end, or to an interrupt."""
        stream = graph.astream(
            given,
            config,
            context=context,
            stream_mode=["custom", "updates", "values"],
            durability=durability,
        )
        async with aclosing(cast("AsyncGenerator[Any, None]", stream)):
            async for mode, event in stream:
                for heard in self._hear(str(mode), event):
                    yield heard
        yield self._end()

    def _hear(self, mode: str, event: Any) -> Iterator[Event]:
        if mode == "custom":  # text that `respond` streams
            if shown := self._visible.feed(str(event)):
                yield Piece(shown)
        elif mode == "updates":
            self._update(event)
        else:  # a superstep's values arrive once its checkpoint is stored
            self._state = event
            yield from self._done
            self._done.clear()

    def _update(self, event: Mapping[str, Any]) -> None:
        for node, update in event.items():
            if node == _INTERRUPT:
                self._interrupts |= {one.id: one for one in update}
                continue
            if node == _WRITER:
                self._done += self._written(update)
            self._done.append(NodeFinished(node))

    def _written(self, update: Mapping[str, Any]) -> Iterator[Event]:
        """Return the event that ends the streamed text: tool calls, or the rest of the reply."""
        rest, self._visible = self._visible.end(), VisibleText(self.tools)
        exchange: Exchange | None = update.get("exchange")
        if exchange is not None:
            yield ToolsRequested(tuple(call.name for call in exchange.rounds[-1].calls))
        elif rest:
            yield Piece(rest)

    def _end(self) -> Event:
        state = cast("State", self._state)
        if not self._interrupts:
            return Finished(state)
        turn = state["turn"]
        return Waiting(turn.turn_id, turn.owner, approvals(self._interrupts.values()))


@dataclass(frozen=True, slots=True)
class GraphRuns:
    """Runs turns in threads and reads their checkpoints."""

    layers: Layers
    graph: Compiled
    """Compiled with the checkpointer."""
    untraced: Compiled
    """Compiled without a checkpointer."""

    async def begin(
        self, message: HumanMessage, thread: str, context: TurnContext, *, private: bool = False
    ) -> Events:
        """Run a new turn that `stop` can end; a private one is not stored."""
        turn_id = str(message.id)
        with self.layers.stops.accept(turn_id):
            given: TurnInput = {"messages": [message]}
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
        """Run the graph with an input; None resumes the thread from its last checkpoint."""
        context = _without_forks(context)
        run = TurnRun(await self.layers.toolbox.schemas() if context.tool_rounds else {})
        if private:
            events = run.events(self.untraced, given, _config(thread), context, None)
        else:
            events = run.events(self.graph, given, _config(thread), context, "sync")
            if tracer := self.layers.telemetry.tracer():
                events = turn_span(tracer, turn_id, events)
        async with aclosing(events):
            async for event in events:
                yield event

    async def snapshot(self, thread: str) -> StateSnapshot:
        """Return the thread's latest checkpoint."""
        return await self.graph.aget_state(_config(thread))

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


def _without_forks(context: TurnContext) -> TurnContext:
    """Turn off fork detection, which saves every node the lookup: these runs are never forks."""
    if context.experiment is not Experiment.FORKS:
        return context
    return context.model_copy(update={"experiment": Experiment.OFF})


def _config(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}
