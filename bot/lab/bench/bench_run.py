"""Runs of a benchmark: each archive becomes an owner, whose queries recall as in a turn, without a model."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import cast

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.runtime import Runtime

from bot.importers.importer import Stage, import_episodes
from bot.lab.bench.neutral import BenchArchive, BenchQuery, Doc, as_episodes, query_time
from graph.layers import Layers
from graph.settings.context import TurnContext
from graph.state.circumstances import TurnReader, reply_id, user_message
from graph.state.reducers import MESSAGES_KEPT
from graph.state.turn_state import Conversation, FactSheet, Persona, State
from graph.state.updates import BudgetUpdate, GapFilterUpdate, PrefetchUpdate
from memory.models import Episode
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
    """Return `state` with the last turn's values, which the graph keeps until a node replaces them."""
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


UNHURRIED = {"prefetch_timeout": 30, "cache_ttl": 0}
"""Settings with which no search times out on a busy machine, and no message uses another's cached results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestedArchive:
    """An archive that is ready for queries."""

    archive: BenchArchive
    owner: str
    episodes: Sequence[Episode]
    seconds: float

    @property
    def docs(self) -> dict[str, Doc]:
        """The documents by turn id."""
        return dict(zip((episode.turn_id for episode in self.episodes), self.archive.docs, strict=True))

    def gold(self, query: BenchQuery) -> frozenset[str]:
        """Return the turn ids of the documents, or of the sessions' documents, that answer a query."""
        return frozenset(turn_id for turn_id, doc in self.docs.items() if query.answered_by(doc))

    def with_queries(self, queries: Sequence[BenchQuery]) -> "IngestedArchive":
        """Return the same archive with other queries."""
        return replace(self, archive=self.archive.model_copy(update={"queries": tuple(queries)}))


def ignore(_: int) -> None:
    """Ignore the progress."""


async def ingest(
    layers: Layers, archive: BenchArchive, owner: str, on_embedded: Callable[[int], None] = ignore
) -> IngestedArchive:
    """Import an archive's documents for `owner`, and load its indexes."""
    episodes = as_episodes(archive, owner)
    seconds = await ingest_episodes(layers, episodes, owner, on_embedded)
    return IngestedArchive(archive=archive, owner=owner, episodes=episodes, seconds=seconds)


async def ingest_episodes(
    layers: Layers, episodes: Sequence[Episode], owner: str, on_embedded: Callable[[int], None] = ignore
) -> float:
    """Import episodes of `owner`, and load its indexes; return the seconds of the import."""
    done = 0

    def tell(now: int, _: int | None, stage: Stage) -> None:
        nonlocal done
        if stage is Stage.EMBEDDING:
            on_embedded(now - done)
            done = now

    began = time.perf_counter()
    await import_episodes(layers.episodes, episodes, owner=owner, on_progress=tell)
    spent = time.perf_counter() - began
    await layers.episodes.ready(owner=owner)
    return spent


async def ask(
    layers: Layers, ingested: IngestedArchive, context: TurnContext
) -> AsyncIterator[tuple[BenchQuery, RecallResult]]:
    """Recall for each of an archive's queries, in order."""
    recaller, own = open_recaller(layers), context.model_copy(update={"owner": ingested.owner})
    for number, query in enumerate(ingested.archive.queries):
        at, turn_id = query_time(query, ingested.episodes), f"{ingested.owner}:query:{number}"
        yield query, await recaller(query.text, turn_id=turn_id, at=at, context=own)
