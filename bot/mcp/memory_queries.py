"""Tools over the memory."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any

from pydantic import Field

from bot.mcp.read_tool import InvalidCall, QuotingAnswer, ReadTool, ToolAnswer, text
from graph.layers import Layers
from graph.tools.memory_tools import NOTE
from memory.concurrency.tasks import within
from memory.episodic.index.ledger import VectorLedger
from memory.episodic.index.vector_state import collection_name
from memory.errors import GoatError, MemoryTierError
from memory.lexical.structural_keys import find_keys
from memory.models import Fact
from memory.recall.mechanisms import Keys, Times
from memory.results import Hit
from memory.temporal.named_bound import read_bound
from memory.text.text import clean, excerpt

_SEARCH_SECONDS, _PART_SECONDS = 20.0, 5.0
_LONGEST = 1200
_TIME = "a date such as 2026-03-01, a time such as 2026-03-01T14:30, or words such as `last week`"
_DAWN, _END = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class FoundTurn(ToolAnswer):
    """A turn that a search found."""

    turn_id: str
    thread: str
    at: datetime
    said: bool
    """False for a note that the agent wrote itself."""
    foreign: bool
    """Holds a third party's text, such as a document, an import or a web page."""
    relevance: float
    """Probability in [0, 1] that it is relevant to the query."""
    text: str
    """Message and reply, cut to the part that matched."""


class Hits(QuotingAnswer):
    """Results of a search, best first."""

    hits: list[FoundTurn]
    problems: Sequence[str]
    """Indexes that could not be searched, and why."""


class FactsRead(QuotingAnswer):
    """Facts, newest first."""

    facts: Sequence[Fact]


class IdentityRead(QuotingAnswer):
    text: str
    overridden: bool
    """True when it was set in a conversation; false for the configured persona."""


class Component(ToolAnswer):
    name: str
    there: bool
    problem: str = ""
    """How to repair it, when it is down."""
    about: str = ""


class MemoryStatus(ToolAnswer):
    """Size and health of the memory."""

    owner: str
    turns: int | None = None
    """Number of archived turns; None when the archive is down."""
    first: datetime | None = None
    latest: datetime | None = None
    parts: list[Component]


@dataclass(frozen=True, slots=True)
class MemoryQueries:
    """Tools that read an owner's memory."""

    owner: str
    layers: Layers

    def tools(self) -> list[ReadTool]:
        return [
            ReadTool("Search memory", self.search_memory),
            ReadTool("Read facts", self.read_facts),
            ReadTool("Read identity", self.read_identity),
            ReadTool("Memory status", self.memory_status),
        ]

    async def search_memory(
        self,
        query: Annotated[str, text("In any language: words, a meaning, or a key such as ABC-123.", 2000, 1)],
        after: Annotated[str, text(f"Only from this time on: {_TIME}; empty: any.", 100)] = "",
        before: Annotated[str, text(f"Only before this time: {_TIME}; empty: any.", 100)] = "",
        limit: Annotated[int, Field(ge=1, le=50, description="Maximum number of results.")] = 8,
    ) -> Hits:
        """Search all earlier conversations by words, keys and meaning, best first.

        Some turn always ranks first: `relevance` says whether it belongs to the query. The day named in
        `after` is included, the one in `before` is not.
        """
        query = clean(query)
        if not query.strip():
            raise InvalidCall("query is empty: say what to look for.")
        times = _time_range(after, before, self.layers.zone)
        result = await self.layers.episodes.search(
            query,
            owner=self.owner,
            limit=limit,
            by=[Keys(find_keys(query)), *([Times(*times)] if times else [])],
            seconds=_SEARCH_SECONDS,
        )
        found = [hit for hit in result.hits if times is None or times[0] <= hit.episode.at < times[1]]
        chances = await self.layers.live.calibration(result.query.model)
        hits = [_hit(hit, chances.probability(hit.evidence, result.query)) for hit in found[:limit]]
        return Hits(hits=hits, problems=result.problems)

    async def read_facts(
        self,
        as_of: Annotated[str, text(f"As of this time: {_TIME}; empty: now.", 100)] = "",
        key: Annotated[str, text("Read every value that this key ever had; empty: all facts.", 200)] = "",
    ) -> FactsRead:
        """Read the facts of every prompt: those of now or of an earlier time, or one key's history."""
        if key.strip() and as_of.strip():
            raise InvalidCall("Give `key` (its whole history) or `as_of` (all facts of that time), not both.")
        if key.strip():
            return FactsRead(facts=await self.layers.permanent.history(key, owner=self.owner))
        then = _parse_time("as_of", as_of, self.layers.zone)
        return FactsRead(facts=await self.layers.permanent.facts(owner=self.owner, as_of=then))

    async def read_identity(self) -> IdentityRead:
        """Read the agent's identity for this owner, which begins every prompt."""
        override = await self.layers.permanent.identity(owner=self.owner)
        return IdentityRead(text=override or self.layers.settings.identity, overridden=bool(override))

    async def memory_status(self) -> MemoryStatus:
        """Report how many turns are remembered, since when, and which parts of the memory are down."""
        size = await self._size()
        parts = await asyncio.gather(
            _part("archive", self._archive()),
            _part("vectors", self._vectors()),
            _part("facts", self._facts()),
            _part("conversations", self._conversations()),
        )
        return MemoryStatus(owner=self.owner, **size, parts=parts)

    async def _size(self) -> dict[str, Any]:
        episodes = self.layers.episodes
        try:
            ends = [*await episodes.recent(owner=self.owner, limit=1), await episodes.first(owner=self.owner)]
            times = [episode.at for episode in ends if episode]
            count = await episodes.count(owner=self.owner)
        except MemoryTierError:
            return {}
        return {"turns": count, "first": min(times, default=None), "latest": max(times, default=None)}

    async def _archive(self) -> str:
        return f"{await self.layers.episodes.count(owner=self.owner)} turns"

    async def _vectors(self) -> str:
        state = await VectorLedger(self.layers.files, self.layers.embeddings.name).state(self.owner)
        there = await self.layers.vectors.count(collection_name(self.owner, state)) if state.parts else 0
        return f"{there} vectors of {state.parts}, {state.pending} turns wait for theirs"

    async def _facts(self) -> str:
        await self.layers.tokens.ready()
        facts = await self.layers.permanent.facts(owner=self.owner)
        tokens = sum(self.layers.tokens(f"{fact.key}: {fact.value}\n") for fact in facts)
        return f"{len(facts)} facts, {tokens} of {self.layers.settings.facts_cap} tokens"

    async def _conversations(self) -> str:
        today = (await self.layers.metrics.read(1, owner=self.owner)).whole.turns
        return f"{today} turns counted today"


async def _part(name: str, check: Coroutine[Any, Any, str]) -> Component:
    try:
        return Component(name=name, there=True, about=await within(check, _PART_SECONDS))
    except TimeoutError:
        return Component(name=name, there=False, problem=f"no answer in {_PART_SECONDS:g} s; try again")
    except GoatError as error:
        return Component(name=name, there=False, problem=str(error))


def _hit(hit: Hit, probability: float) -> FoundTurn:
    episode = hit.episode
    return FoundTurn(
        turn_id=episode.turn_id,
        thread=episode.thread,
        at=episode.at,
        said=NOTE not in episode.tags,
        foreign=episode.foreign,
        relevance=round(probability, 4),
        text=excerpt(episode.text, hit.part, _LONGEST).strip(),
    )


def _parse_time(name: str, text: str, zone: tzinfo) -> datetime | None:
    """Parse the time in argument `name`; return None when it is empty."""
    try:
        return read_bound(text, now=datetime.now(UTC), zone=zone) if text.strip() else None
    except ValueError as error:
        raise InvalidCall(f"{name}: {error}") from None


def _time_range(after: str, before: str, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """Return the half-open range between two bounds; None when both are empty."""
    start, end = _parse_time("after", after, zone), _parse_time("before", before, zone)
    if start is None and end is None:
        return None
    first, last = start or _DAWN, end or _END
    if first >= last:
        raise InvalidCall("`after` is not earlier than `before`: swap them.")
    return first, last
