"""Recall as in a turn, without the graph and without a model."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import cast

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.runtime import Runtime

from graph.layers import Layers
from graph.settings.context import TurnContext
from graph.state.circumstances import TurnReader, reply_id, user_message
from graph.state.reducers import MESSAGES_KEPT
from graph.state.turn_state import Conversation, FactSheet, Persona, State
from graph.state.updates import BudgetUpdate, GapFilterUpdate, PrefetchUpdate
from nodes.budget import Budget
from nodes.gap_filter import GapFilter
from nodes.prefetch import Prefetch

Run = Runtime[TurnContext]
BEGINNING = Conversation()


@dataclass(frozen=True, slots=True)
class RecallResult:
    """State and time of a finished recall; the time covers search and decision."""

    state: State
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Recaller:
    """Runs the recall nodes in the graph's order."""

    turns: TurnReader
    prefetch: Callable[[State, Run], Awaitable[PrefetchUpdate]]
    gap_filter: Callable[[State, Run], Awaitable[GapFilterUpdate]]
    budget: Callable[[State, Run], Awaitable[BudgetUpdate]]

    async def __call__(
        self,
        text: str,
        *,
        turn_id: str,
        at: datetime,
        context: TurnContext,
        conversation: Conversation = BEGINNING,
        before: State | None = None,
    ) -> RecallResult:
        """Recall for a message of `context.owner`, in a conversation or as its first message.

        `before` is the state after the conversation's last turn.
        """
        runtime = Runtime(context=context)
        message = user_message(text, turn_id=turn_id, owner=context.owner, at=at)
        state = self._asked([*_messages(conversation), message], conversation, runtime)
        began = time.perf_counter()
        state["recall"] = (await self.prefetch(_after(before, state), runtime))["recall"]
        state["decisions"] = (await self.gap_filter(state, runtime))["decisions"]
        spent = (time.perf_counter() - began) * 1000
        state["allocation"] = (await self.budget(state, runtime))["allocation"]
        return RecallResult(state, spent)

    def _asked(self, messages: list[AnyMessage], conversation: Conversation, runtime: Run) -> State:
        state: State = {
            "messages": messages[-MESSAGES_KEPT:],
            "conversation": conversation,
            "persona": Persona(text=""),
            "fact_sheet": FactSheet(),
        }
        state["turn"] = self.turns(state, runtime)
        return state


def _after(before: State | None, state: State) -> State:
    """Return `state` with the last turn's values, as a turn finds it at its beginning."""
    if before is None:
        return state
    left = {"turn": before["turn"], "recall": before["recall"], "allocation": before["allocation"]}
    return cast(State, {**state, **left})


def _messages(conversation: Conversation) -> list[AnyMessage]:
    said: list[AnyMessage] = []
    for turn in conversation.turns:
        said.append(HumanMessage(turn.message, id=turn.turn_id))
        if turn.reply:
            said.append(AIMessage(turn.reply, id=reply_id(turn.turn_id)))
    return said


def open_recaller(layers: Layers, zone: tzinfo | None = None) -> Recaller:
    """Bind the nodes to the layers, as `graph.builder` does; `zone` overrides the configured one."""
    zone = zone or layers.zone
    return Recaller(
        turns=layers.turns,
        prefetch=Prefetch(layers.turns, layers.episodes, layers.cache, zone, layers.background),
        gap_filter=GapFilter(layers.live),
        budget=Budget(layers.tokens, zone),
    )
