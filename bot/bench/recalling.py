"""Recall as a turn does it, without a graph around it and without a model."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from langgraph.runtime import Runtime

from graph.context import TurnContext
from graph.layers import Layers
from graph.state import Conversation, FactSheet, Persona, State
from graph.turn import TurnReader, user_message
from graph.updates import BudgetUpdate, GapFilterUpdate, PrefetchUpdate
from nodes.budget import Budget
from nodes.gap_filter import GapFilter
from nodes.prefetch import Prefetch

Run = Runtime[TurnContext]


@dataclass(frozen=True, slots=True)
class Recalled:
    """A finished recall: the state that it left, and how long search and decision took."""

    state: State
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Recaller:
    """Run the nodes that recall, in the order of the graph."""

    turns: TurnReader
    prefetch: Callable[[State, Run], Awaitable[PrefetchUpdate]]
    gap_filter: Callable[[State, Run], Awaitable[GapFilterUpdate]]
    budget: Callable[[State, Run], Awaitable[BudgetUpdate]]

    async def __call__(self, text: str, *, turn_id: str, at: datetime, context: TurnContext) -> Recalled:
        """Recall for a message of `context.owner` that begins a conversation."""
        runtime = Runtime(context=context)
        state = self._asked(text, turn_id, at, runtime)
        began = time.perf_counter()
        state["recall"] = (await self.prefetch(state, runtime))["recall"]
        state["decisions"] = (await self.gap_filter(state, runtime))["decisions"]
        spent = (time.perf_counter() - began) * 1000
        state["allocation"] = (await self.budget(state, runtime))["allocation"]
        return Recalled(state, spent)

    def _asked(self, text: str, turn_id: str, at: datetime, runtime: Run) -> State:
        message = user_message(text, turn_id=turn_id, owner=runtime.context.owner, at=at)
        state: State = {
            "messages": [message],
            "conversation": Conversation(),
            "persona": Persona(text=""),
            "fact_sheet": FactSheet(),
        }
        state["turn"] = self.turns(state, runtime)
        return state


def open_recaller(layers: Layers) -> Recaller:
    """Bind the nodes to the layers, as `graph.builder` does."""
    return Recaller(
        turns=layers.turns,
        prefetch=Prefetch(layers.turns, layers.episodes, layers.cache, layers.zone),
        gap_filter=GapFilter(layers.live),
        budget=Budget(layers.tokens, layers.zone),
    )
