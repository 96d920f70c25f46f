"""The graph, run in threads: with checkpoints, or for a private turn without any."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.messages import HumanMessage, RemoveMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Durability, Interrupt, StateSnapshot

from graph.events.approval import approvals
from graph.events.turn_events import Calling, Event, Finished, Piece, Step, Waiting
from graph.exchange import Exchange
from graph.layers import Layers
from graph.observability.spans import turn_span
from graph.settings.context import Experiment, TurnContext
from graph.state.turn_state import State, TurnInput
from memory.markup import VisibleText

Compiled = CompiledStateGraph[State, TurnContext, TurnInput, State]
_WRITER = "respond"
_INTERRUPT = "__interrupt__"
Tools = Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class TurnRun:
    """What is heard of one run."""

    tools: Tools
    """By name, what calls may be written into the reply's text; those are not shown."""
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
    ) -> AsyncIterator[Event]:
        """Run the graph to its end, or until somebody has to be asked."""
        stream = graph.astream(
            given,
            config,
            context=context,
            stream_mode=["custom", "updates", "values"],
            durability=durability,
        )
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
        else:  # the values of a superstep come once its checkpoint is stored
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
            self._done.append(Step(node))

    def _written(self, update: Mapping[str, Any]) -> Iterator[Event]:
        """Say how what was being written ends: as the reply, or with calls of tools."""
        rest, self._visible = self._visible.end(), VisibleText(self.tools)
        exchange: Exchange | None = update.get("exchange")
        if exchange is not None:
            yield Calling(tuple(call.name for call in exchange.rounds[-1].calls))
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
    """Run turns in threads, and read what their checkpoints say."""

    layers: Layers
    graph: Compiled
    """Writes checkpoints."""
    untraced: Compiled
    """The same one, without a checkpointer."""

    async def begin(
        self, message: HumanMessage, thread: str, context: TurnContext, *, private: bool = False
    ) -> AsyncIterator[Event]:
        """Run a new turn, that can be stopped; of a private one nothing is kept."""
        turn_id = str(message.id)
        with self.layers.stops.possible(turn_id):
            async for event in self.run(turn_id, {"messages": [message]}, thread, context, private=private):
                yield event

    def ahead(
        self, message: HumanMessage, thread: str, context: TurnContext, *, owner: str
    ) -> AbstractAsyncContextManager[None]:
        """Search for the turn that `message` is about to begin, for the time of the block."""
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
    ) -> AsyncIterator[Event]:
        """Run the graph with what it is given; None goes on where the thread's last checkpoint stands."""
        context = _without_forks(context)
        run = TurnRun(await self.layers.toolbox.schemas() if context.tool_rounds else {})
        if private:
            events = run.events(self.untraced, given, _config(thread), context, None)
        else:
            events = run.events(self.graph, given, _config(thread), context, "sync")
            events = turn_span(self.layers.telemetry.tracer(), turn_id, events)
        async for event in events:
            yield event

    async def snapshot(self, thread: str) -> StateSnapshot:
        """Read the thread's latest checkpoint."""
        return await self.graph.aget_state(_config(thread))

    async def history(self, thread: str) -> AsyncIterator[StateSnapshot]:
        """Read the thread's checkpoints, latest first."""
        async for snapshot in self.graph.aget_state_history(_config(thread)):
            yield snapshot

    async def close(self, thread: str) -> None:
        """End the thread's turn where it is; nothing of it is pending any more."""
        await self.graph.aupdate_state(_config(thread), None, as_node=END)

    async def withdraw(self, thread: str, message_id: str) -> None:
        """Take a message that is not to be answered out of the thread; nothing is pending any more."""
        gone = {"messages": [RemoveMessage(id=message_id)]}
        await self.graph.aupdate_state(_config(thread), gone, as_node="archive")


def _without_forks(context: TurnContext) -> TurnContext:
    """Return the context of a run that is never a fork, so that no node has to look whether it is."""
    if context.experiment is not Experiment.FORKS:
        return context
    return context.model_copy(update={"experiment": Experiment.OFF})


def _config(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}
