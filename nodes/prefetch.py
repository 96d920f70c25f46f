"""Search L3 for this turn, before the model is asked and whatever the message says."""

import contextlib
import hashlib
import time
from dataclasses import dataclass, field, replace

from langgraph.runtime import Runtime
from pydantic import TypeAdapter, ValidationError

from graph.context import TurnContext
from graph.state import PrefetchUpdate, Recall, SearchReport, State, Turn
from graph.turn import TurnReader
from memory.errors import MemoryTierError
from memory.models import Candidate, Hit, Mechanism, SearchResult
from memory.protocols import EpisodeStore, SessionCache
from memory.text import excerpt
from nodes.deadline import within

QUERY_CHARS = 4000
CANDIDATE_CHARS = 3000
"""Each of message and reply is held to this in the state; the archive has the whole."""
_ECHO_ALLOWANCE = 2
"""The search asks for this many times the results, since some already stand in the conversation."""
LOADING_SECONDS = 20.0
"""The first turn of a process waits this long for libraries and embedding model, not for a search."""
_RESULT = TypeAdapter(SearchResult)


def to_candidate(hit: Hit, rank: int) -> Candidate:
    """Bound a hit's text, around the part that matched."""
    episode, (start, end) = hit.episode, hit.part
    offset = len(episode.message) + 1
    message = excerpt(episode.message, (min(start, offset), min(end, offset)), CANDIDATE_CHARS)
    reply = excerpt(episode.reply, (max(start - offset, 0), max(end - offset, 0)), CANDIDATE_CHARS)
    return Candidate(
        turn_id=episode.turn_id,
        thread=episode.thread,
        at=episode.at,
        message=message,
        reply=reply,
        whole=len(episode.message) <= CANDIDATE_CHARS and len(episode.reply) <= CANDIDATE_CHARS,
        mechanism=Mechanism.THEMATIC,
        rank=rank,
        score=hit.score,
        small_talk=hit.small_talk,
        access_count=episode.access_count,
    )


def _cached(value: bytes) -> SearchResult | None:
    """Read a cached result; None for one that another version wrote."""
    try:
        return _RESULT.validate_json(value)
    except ValidationError:
        return None


@dataclass(slots=True)
class Loading:
    """Whether the first turn of this process has had the archive loaded."""

    done: bool = False


@dataclass(frozen=True, slots=True)
class Prefetch:
    """Search the archive; what is late, down or broken yields nothing, and is named."""

    turns: TurnReader
    episodes: EpisodeStore
    cache: SessionCache
    loading: Loading = field(default_factory=Loading)

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> PrefetchUpdate:
        context = runtime.context
        turn = self.turns(state, runtime)
        result, report = SearchResult(hits=()), SearchReport(status="ok")
        unloaded = await self._loaded(turn.owner)
        began = time.perf_counter()
        try:
            result, report = await within(self._thematic(turn, context), context.prefetch_timeout)
        except TimeoutError:
            problem = f"no answer within {context.prefetch_timeout:g} s"
            report = SearchReport(status="late", problem=problem)
        except MemoryTierError as error:
            report = SearchReport(status="down", problem=str(error))
        spent = round((time.perf_counter() - began) * 1000, 1)
        problem = unloaded or report.problem
        report = replace(report, found=len(result.hits), milliseconds=spent, problem=problem)
        candidates = tuple(to_candidate(hit, rank) for rank, hit in enumerate(result.hits, start=1))
        recall = Recall(
            candidates=candidates,
            noise=result.noise,
            small_talk=result.small_talk,
            reports={Mechanism.THEMATIC: report},
        )
        return {"recall": recall}

    async def _loaded(self, owner: str) -> str:
        """Have libraries and model loaded before the clock runs: that happens once, and is no slow search.

        Returns:
            What went wrong, if anything did.
        """
        if self.loading.done:
            return ""
        try:
            await within(self.episodes.ready(owner=owner), LOADING_SECONDS)
        except TimeoutError:
            return f"the embedding model is not loaded after {LOADING_SECONDS:g} s"
        except MemoryTierError as error:
            return str(error)
        finally:
            self.loading.done = True
        return ""

    async def _thematic(self, turn: Turn, context: TurnContext) -> tuple[SearchResult, SearchReport]:
        query = turn.message[:QUERY_CHARS]
        limit = context.prefetch_results * _ECHO_ALLOWANCE
        key = hashlib.sha256(f"thematic\0{limit}\0{' '.join(query.split())}".encode()).hexdigest()
        if context.cache_ttl == 0:
            return await self._search(query, turn.owner, limit), SearchReport(status="ok")
        try:
            entry = await self.cache.get(key, owner=turn.owner)
        except MemoryTierError:
            return await self._search(query, turn.owner, limit), SearchReport(status="ok")
        if entry.value is not None and (result := _cached(entry.value)) is not None:
            return result, SearchReport(status="cached")
        result = await self._search(query, turn.owner, limit)
        if not result.complete:
            return result, SearchReport(status="ok")
        with contextlib.suppress(MemoryTierError):
            await self.cache.put(
                key,
                _RESULT.dump_json(result),
                owner=turn.owner,
                generation=entry.generation,
                ttl=context.cache_ttl,
            )
        return result, SearchReport(status="ok")

    async def _search(self, query: str, owner: str, limit: int) -> SearchResult:
        return await self.episodes.search(query, owner=owner, limit=limit)
