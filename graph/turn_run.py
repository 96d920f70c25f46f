"""A run of the graph, as what front ends hear of it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Durability, Interrupt

from graph.approval import approvals
from graph.context import TurnContext
from graph.events import Calling, Event, Finished, Piece, Step, Waiting
from graph.exchange import Exchange
from graph.state import State, TurnInput
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
