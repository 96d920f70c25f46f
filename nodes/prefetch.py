"""Search L3 for this turn, before the model is asked and whatever the message says."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo

from langchain_core.messages import AnyMessage
from langgraph.runtime import Runtime
from pydantic import TypeAdapter, ValidationError

from graph.context import TurnContext
from graph.state import Recall, State, TimeMeant, Turn
from graph.turn import TurnReader
from graph.updates import PrefetchUpdate
from memory.deadline import within
from memory.errors import MemoryTierError
from memory.gap import quantile
from memory.models import (
    FOREIGN,
    CacheEntry,
    Candidate,
    Evidence,
    Hit,
    Mechanism,
    SearchReport,
    SearchResult,
)
from memory.protocols import Searchable, SessionCache
from memory.query import Understood, understand, warm_up
from memory.text import excerpt

CANDIDATE_CHARS = 3000
"""Each of message and reply is held to this in the state; the archive has the whole."""
_ECHO_ALLOWANCE = 2
"""The search asks for this many times the results, since some already stand in the conversation."""
LOADING_SECONDS = 20.0
"""The first turn of a process waits this long for libraries and embedding model, not for a search."""
_NOISE_STEPS = 20
_SEARCH_SHARE = 0.95
"""Of the deadline: what the search itself has, so that what it found in time arrives in time."""
_CACHE_SHARE = 0.2
_RECALL = TypeAdapter(Recall)


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
        mechanism=_mechanism(hit.evidence),
        rank=rank,
        score=hit.score,
        evidence=hit.evidence,
        small_talk=hit.small_talk,
        foreign=FOREIGN in episode.tags,
        access_count=episode.access_count,
    )


def _mechanism(evidence: Evidence) -> Mechanism:
    if evidence.keyed:
        return Mechanism.KEY
    return Mechanism.TEMPORAL if evidence.timed else Mechanism.THEMATIC


@dataclass(slots=True)
class Loading:
    """Whether the first turn of this process has had the archive loaded."""

    done: bool = False


@dataclass(frozen=True, slots=True)
class Prefetch:
    """Search the archive; what is late, down or broken yields nothing, and is named."""

    turns: TurnReader
    episodes: Searchable
    cache: SessionCache
    zone: Callable[[], Awaitable[tzinfo]]
    loading: Loading = field(default_factory=Loading)

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> PrefetchUpdate:
        context = runtime.context
        turn = self.turns(state, runtime)
        unloaded = await self._loaded(turn.owner)
        began, asked_at = time.perf_counter(), datetime.now(UTC)
        try:
            recall = await within(self._recalled(turn, state["messages"], context), context.prefetch_timeout)
        except TimeoutError:
            recall = _nothing("late", f"no answer within {context.prefetch_timeout:g} s")
        except MemoryTierError as error:
            recall = _nothing("down", str(error))
        recall = _timed(recall, time.perf_counter() - began, unloaded)
        return {"recall": replace(recall, asked_at=asked_at)}

    async def _loaded(self, owner: str) -> str:
        """Have libraries and model loaded before the clock runs: that happens once, and is no slow search.

        Returns:
            What went wrong, if anything did.
        """
        if self.loading.done:
            return ""
        try:
            await within(self._load(owner), LOADING_SECONDS)
        except TimeoutError:
            return f"the embedding model is not loaded after {LOADING_SECONDS:g} s"
        except MemoryTierError as error:
            return str(error)
        finally:
            self.loading.done = True
        return ""

    async def _load(self, owner: str) -> None:
        await asyncio.gather(self.episodes.ready(owner=owner), asyncio.to_thread(warm_up))

    async def _recalled(self, turn: Turn, messages: Sequence[AnyMessage], context: TurnContext) -> Recall:
        until = time.monotonic() + context.prefetch_timeout * _SEARCH_SHARE
        zone, before = await self.zone(), said_before(turn, messages)
        asked = await asyncio.to_thread(understand, turn.message, before=before, now=turn.at, zone=zone)
        if context.cache_ttl == 0 or turn.private:
            return (await self._searched(turn, asked, context, until))[0]
        key = cache_key(asked, context)
        try:
            entry = await within(
                self.cache.get(key, owner=turn.owner), context.prefetch_timeout * _CACHE_SHARE
            )
        except (MemoryTierError, TimeoutError):
            return (await self._searched(turn, asked, context, until))[0]
        if entry.value is not None and (recall := _cached(entry.value)) is not None:
            return _asked_anew(recall, asked, turn.message)
        recall, complete = await self._searched(turn, asked, context, until)
        if complete:
            keeping = self._remember(key, turn.owner, entry, recall, context.cache_ttl)
            with contextlib.suppress(TimeoutError):
                await within(keeping, max(until - time.monotonic(), 0.0))
        return recall

    async def _remember(self, key: str, owner: str, entry: CacheEntry, recall: Recall, ttl: float) -> None:
        with contextlib.suppress(MemoryTierError):
            value = _RECALL.dump_json(recall)
            await self.cache.put(key, value, owner=owner, generation=entry.generation, ttl=ttl)

    async def _searched(
        self, turn: Turn, asked: Understood, context: TurnContext, until: float
    ) -> tuple[Recall, bool]:
        """Search; also return whether the result may be used again."""
        result = await self.episodes.search(
            asked.text,
            owner=turn.owner,
            limit=search_limit(context),
            keys=asked.keys,
            times=(asked.times.start, asked.times.end) if asked.times else None,
            weights=context.fusion,
            seconds=until - time.monotonic(),
        )
        return to_recall(result, asked, turn.message), result.complete and not result.problems


def search_limit(context: TurnContext) -> int:
    """Return how many episodes each mechanism may find."""
    return context.prefetch_results * _ECHO_ALLOWANCE


def to_recall(result: SearchResult, asked: Understood, message: str) -> Recall:
    """Return what a search for `message`, as it was understood, offers to the turn."""
    recall = Recall(
        candidates=tuple(to_candidate(hit, rank) for rank, hit in enumerate(result.hits, start=1)),
        query=result.query,
        noise=_quantiles(result.noise),
        reports=_reports(result, asked),
        seen=result.seen,
    )
    return _asked_anew(recall, asked, message)


def _asked_anew(recall: Recall, asked: Understood, message: str) -> Recall:
    """Say of a result what this very message asked for: another one may have found it before."""
    expanded = asked.text if asked.text != message else ""
    return replace(recall, expanded=expanded, keys=asked.keys, times=_meant(asked))


def said_before(turn: Turn, messages: Sequence[AnyMessage]) -> list[str]:
    """Return what the user said in the chat before this turn, oldest first."""
    return [m.text for m in messages if m.type == "human" and m.id != turn.turn_id and m.text.strip()]


def cache_key(asked: Understood, context: TurnContext) -> str:
    """Return the same key for searches that are the same: another wording is another search."""
    times = f"{asked.times.start.isoformat()} {asked.times.end.isoformat()}" if asked.times else ""
    parts = (asked.text, *asked.keys, times, str(context.prefetch_results), repr(context.fusion))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _cached(value: bytes) -> Recall | None:
    """Read a cached result; None for one that another version wrote."""
    try:
        recall = _RECALL.validate_json(value)
    except ValidationError:
        return None
    reports = {name: replace(report, status="cached") for name, report in recall.reports.items()}
    return replace(recall, reports=reports)


def _meant(asked: Understood) -> TimeMeant | None:
    times = asked.times
    if times is None:
        return None
    return TimeMeant(start=times.start, end=times.end, text=times.text, alone=asked.time_alone)


def _quantiles(noise: Sequence[float]) -> tuple[float, ...]:
    if not noise:
        return ()
    return tuple(round(quantile(noise, step / _NOISE_STEPS), 6) for step in range(_NOISE_STEPS + 1))


def _reports(result: SearchResult, asked: Understood) -> dict[str, SearchReport]:
    found = [hit.evidence for hit in result.hits]
    problem = "; ".join(result.problems)
    reports = {
        Mechanism.THEMATIC.value: SearchReport(
            status="partial" if problem else "ok", found=len(found), problem=problem
        )
    }
    if asked.times:
        timed = sum(evidence.timed for evidence in found)
        reports[Mechanism.TEMPORAL.value] = SearchReport(status="ok", found=timed)
    if asked.keys:
        keyed = sum(evidence.keyed > 0 for evidence in found)
        reports[Mechanism.KEY.value] = SearchReport(status="ok", found=keyed)
    return reports


def _nothing(status: str, problem: str) -> Recall:
    return Recall(reports={Mechanism.THEMATIC.value: SearchReport(status=status, problem=problem)})


def _timed(recall: Recall, seconds: float, unloaded: str) -> Recall:
    milliseconds = round(seconds * 1000, 1)
    reports = {
        name: replace(report, milliseconds=milliseconds, problem=unloaded or report.problem)
        for name, report in recall.reports.items()
    }
    return replace(recall, reports=reports)
