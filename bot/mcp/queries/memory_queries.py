"""Tools over the memory."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bot.mcp.queries.memory_answers import FactRead, Facts, Hit, Hits, IdentityRead, MemoryStatus
from bot.mcp.queries.part_status import check_parts
from bot.mcp.queries.query_arguments import NoArguments, ReadFacts, SearchMemory, parse_time, time_range
from bot.mcp.read_tool import InvalidCall, ReadTool, read_tool
from graph.layers import Layers
from graph.tools.memory_tools import NOTE
from memory.errors import MemoryTierError
from memory.lexical.structural_keys import find_keys
from memory.models import Episode, Fact
from memory.models import Hit as SearchHit
from memory.prompt.prompt import escape_fences
from memory.text.text import clean, excerpt

_SECONDS = 20.0
_LONGEST = 1200


@dataclass(frozen=True, slots=True)
class MemoryQueries:
    """Tools that read an owner's memory."""

    owner: str
    layers: Layers

    def tools(self) -> list[ReadTool]:
        """Return the tools."""
        return [
            read_tool("Search memory", self.search_memory, SearchMemory, Hits),
            read_tool("Read facts", self.read_facts, ReadFacts, Facts),
            read_tool("Read identity", self.read_identity, NoArguments, IdentityRead),
            read_tool("Memory status", self.memory_status, NoArguments, MemoryStatus),
        ]

    async def search_memory(self, arguments: SearchMemory) -> Hits:
        """Search all earlier conversations by words, keys and meaning, best first.

        Some turn always ranks first: `relevance` says whether it belongs to the query. The day named in
        `after` is included, the one in `before` is not.
        """
        query = clean(arguments.query)
        if not query.strip():
            raise InvalidCall("query is empty: say what to look for.")
        times = time_range(
            arguments.after, arguments.before, now=datetime.now(UTC), zone=await self.layers.zone()
        )
        result = await self.layers.episodes.search(
            query,
            owner=self.owner,
            limit=arguments.limit,
            keys=find_keys(query),
            times=times,
            seconds=_SECONDS,
        )
        found = [hit for hit in result.hits if times is None or times[0] <= hit.episode.at < times[1]]
        chances = await self.layers.live.calibration(result.query.model)
        hits = [
            _hit(hit, chances.probability(hit.evidence, result.query)) for hit in found[: arguments.limit]
        ]
        return Hits(hits=hits, problems=list(result.problems))

    async def read_facts(self, arguments: ReadFacts) -> Facts:
        """Read the facts of every prompt: those of now or of an earlier time, or one key's history."""
        if arguments.key.strip() and arguments.as_of.strip():
            raise InvalidCall("Give `key` (its whole history) or `as_of` (all facts of that time), not both.")
        zone = await self.layers.zone()
        if arguments.key.strip():
            rows = await self.layers.permanent.history(arguments.key, owner=self.owner)
        else:
            then = parse_time("as_of", arguments.as_of, now=datetime.now(UTC), zone=zone)
            rows = await self.layers.permanent.facts(owner=self.owner, as_of=then)
        return Facts(facts=[_fact(row) for row in rows])

    async def read_identity(self, _: NoArguments) -> IdentityRead:
        """Read the agent's identity for this owner, which begins every prompt."""
        override = await self.layers.permanent.identity(owner=self.owner)
        text = override or self.layers.settings.identity
        return IdentityRead(text=escape_fences(text), overridden=bool(override))

    async def memory_status(self, _: NoArguments) -> MemoryStatus:
        """Report how many turns are remembered, since when, and which parts of the memory are down."""
        turns, first, latest = await self._archive()
        parts = await check_parts(self.layers, self.owner)
        return MemoryStatus(
            owner=self.owner,
            turns=turns,
            first=first.at if first else None,
            latest=latest.at if latest else None,
            parts=parts,
        )

    async def _archive(self) -> tuple[int | None, Episode | None, Episode | None]:
        episodes = self.layers.episodes
        try:
            count = await episodes.count(owner=self.owner)
            latest = await episodes.recent(owner=self.owner, limit=1)
            return count, await episodes.first(owner=self.owner), latest[0] if latest else None
        except MemoryTierError:
            return None, None, None


def _hit(hit: SearchHit, probability: float) -> Hit:
    episode = hit.episode
    return Hit(
        turn_id=episode.turn_id,
        thread=episode.thread,
        at=episode.at,
        said=NOTE not in episode.tags,
        foreign=episode.foreign,
        relevance=round(probability, 4),
        text=escape_fences(excerpt(episode.text, hit.part, _LONGEST).strip()),
    )


def _fact(fact: Fact) -> FactRead:
    return FactRead(key=escape_fences(fact.key), value=escape_fences(fact.value), noted=fact.at)
