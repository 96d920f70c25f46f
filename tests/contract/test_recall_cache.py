"""A search is done once for messages of the same words, until the owner's archive changes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.runtime import Runtime

from graph.observability.turn_recorder import TurnRecorder
from graph.settings.context import TurnContext
from graph.state.circumstances import TurnReader, user_message
from graph.state.turn_state import Recall, Reply, State, Turn
from memory.concurrency.tasks import Background
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.log.observation_log import ObservationLog
from memory.episodic.vectors.vector_backend import ChromaLocation, Found, Vector
from memory.episodic.vectors.vector_index import VectorIndex
from memory.errors import TierUnavailable
from memory.models import Episode, Outcome
from memory.owners.owner_files import OwnerFiles
from memory.prompt.token_budget import TokenCounter
from memory.recall.mechanisms import read_query
from memory.results import SearchResult
from memory.working.redis_cache import RedisSessionCache
from memory.working.redis_connection import RedisConnection
from memory.working.redis_conversation import RedisConversation
from memory.working.redis_metrics import RedisMetrics
from nodes.archive import Archive
from nodes.prefetch import Prefetch, cache_key
from nodes.turn_writer import TurnWriter
from tests.allocations import NOTHING
from tests.servers.hash_embeddings import HashEmbeddings

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class CountingArchive(EpisodeArchive):
    """Tells how many searches there were."""

    searches = 0
    problems: tuple[str, ...] = ()

    async def search(self, query: str, **given: Any) -> SearchResult:
        self.searches += 1
        found = await super().search(query, **given)
        return replace(found, problems=self.problems or found.problems)


class CountingIndex(VectorIndex):
    """Tells how often the vectors were searched."""

    searches = 0

    async def search(self, collection: str, vector: Vector, limit: int) -> list[Found]:
        self.searches += 1
        return await super().search(collection, vector, limit)


class Bench:
    """A prefetch and an archive node over one real cache."""

    def __init__(self, folder: Path, url: str) -> None:
        self.files = OwnerFiles(folder / "owners")
        self.redis = RedisConnection(url)
        self.cache = RedisSessionCache(self.redis.client)
        self.behind = Background()
        self.vectors = CountingIndex(ChromaLocation(folder=folder / "chroma"))
        self.archive = CountingArchive(self.files, self.vectors, HashEmbeddings())
        turns = TurnReader(default_owner="ana", clock=lambda: NOW)
        self.prefetch = Prefetch(turns, self.archive, self.cache, UTC, self.behind, loaded=True)
        conversations = RedisConversation(self.redis.client)
        writer = TurnWriter(self.archive, conversations, self.cache, TokenCounter())
        self.write = Archive(writer, self._recorder())

    def _recorder(self) -> TurnRecorder:
        return TurnRecorder(ObservationLog(self.files), RedisMetrics(self.redis.client), False)

    async def ask(self, message: str, *, owner: str = "ana", at: datetime = NOW, **thresholds: Any) -> Recall:
        context = TurnContext(**{"prefetch_timeout": 20, **thresholds})
        said = user_message(message, turn_id="now", owner=owner, at=at)
        recall = (await self.prefetch({"messages": [said]}, Runtime(context=context)))["recall"]
        await asyncio.gather(*self.behind.here())
        return recall

    async def answer(self, turn_id: str, message: str, *, owner: str = "ana") -> None:
        """Archive a turn as the graph does."""
        turn = Turn(turn_id=turn_id, owner=owner, thread="t", message=message, at=NOW)
        state: State = {
            "messages": [],
            "turn": turn,
            "reply": Reply(text="Noted.", outcome=Outcome.ANSWERED),
            "allocation": NOTHING,
            "decisions": (),
        }
        await self.write(state, Runtime(context=TurnContext()))
        await self.archive.index(owner=owner)


@pytest.fixture
async def bench(tmp_path: Path, valkey_url: str) -> AsyncIterator[Bench]:
    made = Bench(tmp_path, valkey_url)
    told = (("1", "The blue boat is called Merganser."), ("2", "Mașina e la mall."))
    for owner in ("ana", "bob"):
        await made.archive.append_many(
            [Episode(turn_id=n, owner=owner, thread=n, message=text, reply="", at=NOW) for n, text in told]
        )
        await made.archive.index(owner=owner)
    yield made
    await made.archive.close()
    await made.files.close()
    await made.redis.close()


def status(recall: Recall) -> str:
    return recall.reports["thematic"].status


async def test_what_asks_the_same_is_searched_once(bench: Bench) -> None:
    fresh, again = [await bench.ask("Unde mi-am lăsat mașina la mall?") for _ in range(2)]
    assert (status(fresh), status(again)) == ("ok", "cached")
    assert bench.archive.searches == 1
    assert list(again.candidates) == list(fresh.candidates)
    assert (again.query, list(again.noise)) == (fresh.query, list(fresh.noise))


OTHERWISE = [
    ("What is the blue boat called?", "what is the blue boat called"),
    ("Unde mi-am lăsat mașina?", "unde mi-am lasat masina?"),
    ("the blue boat", "the green boat"),
    ("the blue boat", "the blue boat in GOAT-42"),
    ("the blue boat", "what about the blue boat yesterday?"),
    ("what did we say about the boat yesterday?", "what did we say about the boat last week?"),
    ("GOAT-42", "GOAT-43"),
    ("thanks", "?!"),
]


async def test_what_is_worded_otherwise_is_searched_anew(bench: Bench) -> None:
    for first, second in OTHERWISE:
        await bench.cache.drop(owner="ana")
        searches = bench.archive.searches
        await bench.ask(first)
        assert status(await bench.ask(second)) == "ok", second
        assert bench.archive.searches == searches + 2, second


async def test_the_same_words_of_another_day_are_searched_anew(bench: Bench) -> None:
    await bench.ask("what did we say about the boat yesterday?")
    assert status(await bench.ask("what did we say about the boat yesterday?", at=NOW + DAY)) == "ok"


async def test_other_thresholds_of_the_search_are_another_search(bench: Bench) -> None:
    for thresholds in ({}, {"prefetch_results": 3}, {"fusion_dense": 0.5}, {"gap_threshold": 0.9}):
        await bench.ask("the blue boat", **thresholds)
    assert bench.archive.searches == 3  # what the gap filter does with them is no part of it


async def test_any_turn_of_the_owner_drops_what_was_cached(bench: Bench) -> None:
    await bench.ask("the blue boat")
    await bench.ask("the blue boat", owner="bob")
    await bench.answer("3", "I sold the blue boat.")
    after = await bench.ask("the blue boat")
    assert status(after) == "ok"
    assert "3" in [candidate.turn_id for candidate in after.candidates]
    assert status(await bench.ask("the blue boat", owner="bob")) == "cached"


async def test_asked_again_after_other_turns_only_what_came_since_is_looked_at(bench: Bench) -> None:
    """Every turn adds to the archive: a result that holds until then is never used."""
    await bench.ask("the blue boat")
    searched = bench.vectors.searches
    await bench.answer("3", "I sold the blue boat.")
    again = await bench.ask("the blue boat")
    assert bench.vectors.searches == searched == 1
    anew = await bench.ask("the blue boat", prefetch_results=16)
    assert bench.vectors.searches == 2
    assert list(again.candidates) == list(anew.candidates)
    assert "3" in [candidate.turn_id for candidate in again.candidates]


async def test_what_was_erased_since_is_not_led_to(bench: Bench) -> None:
    await bench.ask("the blue boat")
    await bench.archive.erase(owner="ana")
    await bench.answer("3", "I sold the blue boat.")
    after = await bench.ask("the blue boat")
    assert [candidate.turn_id for candidate in after.candidates] == ["3"]


async def test_a_search_that_a_turn_overtook_is_not_kept(bench: Bench) -> None:
    entry = await bench.cache.get("x", owner="ana")
    asking = asyncio.create_task(bench.ask("the blue boat"))
    await bench.answer("3", "I sold the blue boat.")
    await asking
    after = await bench.ask("the blue boat")
    assert "3" in [candidate.turn_id for candidate in after.candidates]
    assert (await bench.cache.get("x", owner="ana")).generation != entry.generation


async def test_what_is_partial_or_incomplete_is_not_kept(bench: Bench) -> None:
    bench.archive.problems = ("the vectors did not come in time",)
    assert status(await bench.ask("the blue boat")) == "partial"
    bench.archive.problems = ()
    await bench.archive.append(
        Episode(turn_id="3", owner="ana", thread="3", message="the blue car", reply="", at=NOW)
    )
    waiting = await bench.ask("the blue boat")
    assert status(waiting) == "partial"
    assert "1 turn has no vectors yet" in waiting.reports["thematic"].problem
    await bench.archive.index(owner="ana")
    assert status(await bench.ask("the blue boat")) == "ok"
    assert status(await bench.ask("the blue boat")) == "cached"
    assert bench.archive.searches == 3


async def test_without_a_time_to_live_nothing_is_cached(bench: Bench) -> None:
    for _ in range(2):
        assert status(await bench.ask("the blue boat", cache_ttl=0)) == "ok"
    assert status(await bench.ask("the blue boat")) == "ok"


async def test_what_another_version_cached_is_searched_anew(bench: Bench) -> None:
    context = TurnContext(prefetch_timeout=20)
    key = cache_key(read_query("the blue boat", before=[], now=NOW, zone=UTC), context)
    entry = await bench.cache.get(key, owner="ana")
    await bench.cache.put(key, b'{"candidates": 7}', owner="ana", generation=entry.generation, ttl=60)
    assert status(await bench.ask("the blue boat")) == "ok"
    assert status(await bench.ask("the blue boat")) == "cached"


async def test_a_cache_that_is_down_is_done_without(tmp_path: Path, bench: Bench) -> None:
    lost = RedisConnection(f"unix://{tmp_path}/nowhere.sock")
    with pytest.raises(TierUnavailable):
        await RedisSessionCache(lost.client).get("x", owner="ana")
    node = replace(bench.prefetch, cache=RedisSessionCache(lost.client))
    said = user_message("the blue boat", turn_id="now", owner="ana", at=NOW)
    recall = (await node({"messages": [said]}, Runtime(context=TurnContext(prefetch_timeout=20))))["recall"]
    assert status(recall) == "ok"
    assert recall.candidates
    await lost.close()
