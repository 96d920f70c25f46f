"""Search L3 before the model is called."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Any, TypeVar

from langchain_core.messages import AnyMessage
from langgraph.runtime import Runtime
from pydantic import TypeAdapter, ValidationError

from graph.settings.context import TurnContext
from graph.state.circumstances import TurnReader, text_with_parts
from graph.state.recall import recalled_of, search_limit, to_recall, with_query
from graph.state.turn_state import Recall, State, Turn
from graph.state.updates import PrefetchUpdate
from memory.concurrency.tasks import Background, within
from memory.errors import MemoryTierError
from memory.models import Mechanism, SearchReport, SearchStatus
from memory.protocols import Searchable
from memory.recall.evidence_traits import RECENT
from memory.recall.mechanisms import QUERY_CHARS, ArchiveQuery, is_fragment, read_query, warm_up
from memory.results import CacheEntry
from memory.working.redis_cache import RedisSessionCache

LOADING_SECONDS = 20.0
"""Time limit for loading libraries and the embedding model, in the first turn of a process."""
_SEARCH_SHARE = 0.95
"""The search's share of the deadline, so that its partial results arrive in time."""
_CACHE_SHARE = 0.2
_KEEPING_DELAY = 0.1
"""Seconds before a result is cached, so that the model is called first."""
_FRESH_SECONDS = 5.0
"""Age above which a search ahead is discarded: another process may have erased something since."""
_SHORT = 200
"""Characters up to which a message is parsed on the event loop: under 1 ms, about 5 when full of times."""
_RECALL = TypeAdapter(Recall)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EarlySearch:
    """A search that began before the turn's first node."""

    turn: Turn
    context: TurnContext
    searching: "asyncio.Task[Recall | None]"
    """Returns None when the message depends on earlier ones."""
    began: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Prefetch:
    """Search the archive; if it is slow, down or broken the result is empty, with the problem noted."""

    turns: TurnReader
    episodes: Searchable
    cache: RedisSessionCache
    zone: tzinfo
    background: Background
    """Runs searches ahead of a turn, and cache writes after it."""
    loaded: bool = False
    """This process has loaded the archive."""
    early: dict[str, EarlySearch] = field(default_factory=dict)
    """By turn id."""

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> PrefetchUpdate:
        context = runtime.context
        turn = self.turns(state, runtime)
        unloaded = "" if self.loaded else await self._ensure_loaded(turn.owner)
        began = time.perf_counter()
        try:
            searching = self._search_or_join(turn, state["messages"], context)
            recall = await within(searching, context.prefetch_timeout)
        except TimeoutError:
            recall = _failed(SearchStatus.LATE, f"no answer within {context.prefetch_timeout:g} s", began)
        except MemoryTierError as error:
            recall = _failed(SearchStatus.DOWN, str(error), began)
        if unloaded:
            recall = _with_reports(recall, problem=unloaded)
        return {"recall": replace(recall, carried=previous_memories(state, turn))}

    @contextlib.asynccontextmanager
    async def ahead(self, turn: Turn, context: TurnContext) -> AsyncIterator[None]:
        """Search for a turn that is about to run, while its thread is locked and its state is read."""
        if self.loaded:
            work = partial(self._search_alone, turn, context)
            searching = self.background.joined(object(), work)  # a unique key: never joins another search
            self.early[turn.turn_id] = EarlySearch(turn, context, searching)
        try:
            yield
        finally:
            self.forget(turn.turn_id)

    def forget_owner(self, owner: str) -> None:
        """Discard the searches ahead of an owner whose memory is erased."""
        for turn_id in [turn_id for turn_id, ahead in self.early.items() if ahead.turn.owner == owner]:
            self.forget(turn_id)

    def forget(self, turn_id: str) -> None:
        """Discard a search ahead, as its results may be outdated."""
        self.early.pop(turn_id, None)

    async def _search_or_join(
        self, turn: Turn, messages: Sequence[AnyMessage], context: TurnContext
    ) -> Recall:
        """Return the result of the search ahead if usable; otherwise search now."""
        early = self.early.pop(turn.turn_id, None)
        if early is not None and (early.turn, early.context) == (turn, context):
            is_fresh = time.monotonic() - early.began < _FRESH_SECONDS
            if is_fresh and (found := await early.searching) is not None:
                return found
        began, asked = time.perf_counter(), await self._read_query(turn, earlier_messages(turn, messages))
        self.episodes.expect(asked.text, owner=turn.owner, limit=search_limit(context))
        return _stamped(await self._recall(turn, asked, context), began)

    async def _search_alone(self, turn: Turn, context: TurnContext) -> Recall | None:
        began, text = time.perf_counter(), turn.said[:QUERY_CHARS]
        if await _read(turn, partial(is_fragment, text)):
            return None
        self.episodes.expect(text, owner=turn.owner, limit=search_limit(context))
        await asyncio.sleep(0)  # the embedding begins, before keys and times are read
        return _stamped(await self._recall(turn, await self._read_query(turn, ()), context), began)

    async def _ensure_loaded(self, owner: str) -> str:
        """Load libraries and model, before the deadline of the process's first turn starts.

        Returns:
            The problem; "" without one.
        """
        try:
            await within(self._load(owner), LOADING_SECONDS)
        except TimeoutError:
            return f"the embedding model is not loaded after {LOADING_SECONDS:g} s"
        except MemoryTierError as error:
            return str(error)
        finally:
            self.loaded = True
        return ""

    async def _load(self, owner: str) -> None:
        await asyncio.gather(self.episodes.ready(owner=owner), asyncio.to_thread(warm_up))

    async def _recall(self, turn: Turn, asked: ArchiveQuery, context: TurnContext) -> Recall:
        until = time.monotonic() + context.prefetch_timeout * _SEARCH_SHARE
        is_cached, entry = context.cache_ttl > 0 and not turn.private, None
        if is_cached:
            key = cache_key(asked, context)
            with contextlib.suppress(MemoryTierError, TimeoutError):
                reading = self.cache.get(key, owner=turn.owner)
                entry = await within(reading, context.prefetch_timeout * _CACHE_SHARE)
        if entry and entry.value is not None and (recall := _decode_cached(entry.value)) is not None:
            return with_query(recall, asked, turn.said)
        result = await self.episodes.search(
            asked.text,
            owner=turn.owner,
            limit=search_limit(context),
            by=asked.by,
            weights=context.fusion,
            seconds=until - time.monotonic(),
            reuse=is_cached,
        )
        recall = to_recall(result, asked, turn.said)
        if entry and not (result.waiting or result.problems):
            keeping = partial(self._remember, key, turn.owner, entry, recall, context.cache_ttl)
            self.background.joined(turn.turn_id, keeping)
        return recall

    async def _read_query(self, turn: Turn, before: Sequence[str]) -> ArchiveQuery:
        reading = partial(read_query, turn.said, before=before, now=turn.at, zone=self.zone)
        return await _read(turn, reading)

    async def _remember(self, key: str, owner: str, entry: CacheEntry, recall: Recall, ttl: float) -> None:
        await asyncio.sleep(_KEEPING_DELAY)
        with contextlib.suppress(MemoryTierError):
            value = _RECALL.dump_json(recall)
            await self.cache.put(key, value, owner=owner, generation=entry.generation, ttl=ttl)


async def _read(turn: Turn, reading: Callable[[], T]) -> T:
    """Parse the message, off the event loop if it is long."""
    return reading() if len(turn.said) <= _SHORT else await asyncio.to_thread(reading)


def earlier_messages(turn: Turn, messages: Sequence[AnyMessage]) -> list[str]:
    """Return the user's earlier messages in the chat, oldest first."""
    texts = [text_with_parts(m) for m in messages if m.type == "human" and m.id != turn.turn_id]
    return [text for text in texts if text.strip()]


def previous_memories(state: State, turn: Turn) -> tuple[str, ...]:
    """Return the memories in the thread's previous prompt, if that turn was recent."""
    before = state.get("turn")
    if before is None or before.turn_id == turn.turn_id or turn.at - before.at > RECENT:
        return ()
    return tuple(candidate.turn_id for candidate in recalled_of(state))


def cache_key(asked: ArchiveQuery, context: TurnContext) -> str:
    """Return the cache key of a search: its text, what its mechanisms look for, and settings."""
    parts = (asked.text, *map(repr, asked.by), str(context.prefetch_results), repr(context.fusion))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _decode_cached(value: bytes) -> Recall | None:
    """Decode a cached result; None when another version wrote it."""
    try:
        recall = _RECALL.validate_json(value)
    except ValidationError:
        return None
    return _with_reports(recall, status=SearchStatus.CACHED)


def _failed(status: SearchStatus, problem: str, began: float) -> Recall:
    report = SearchReport(status=status, problem=problem)
    return _stamped(Recall(reports={Mechanism.THEMATIC.value: report}), began)


def _stamped(recall: Recall, began: float) -> Recall:
    """Add start and duration of a search that began at `began` of the performance counter."""
    seconds = time.perf_counter() - began
    timed = _with_reports(recall, milliseconds=round(seconds * 1000, 1))
    return replace(timed, asked_at=datetime.now(UTC) - timedelta(seconds=seconds))


def _with_reports(recall: Recall, **values: Any) -> Recall:
    """Set fields of every mechanism's report."""
    return replace(recall, reports={name: replace(one, **values) for name, one in recall.reports.items()})
