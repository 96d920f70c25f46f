"""The graph, run in threads: with checkpoints, or for a private turn without any."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import HumanMessage, RemoveMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END
from langgraph.types import Command, StateSnapshot

from graph.context import Experiment, TurnContext
from graph.events import Event
from graph.layers import Layers
from graph.spans import turn_span
from graph.state import TurnInput
from graph.turn_run import Compiled, TurnRun


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
