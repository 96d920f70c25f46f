"""Prefetch keeps its deadline whatever hangs, uses what there is, and names what was late."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.runtime import Runtime

from graph.settings.context import TurnContext
from graph.state.circumstances import TurnReader, thread_id, user_message
from graph.state.turn_state import Recall
from memory.concurrency.tasks import Background
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.vectors.vector_backend import ChromaLocation, Chunk, Found, Vector, VectorBackend
from memory.episodic.vectors.vector_index import VectorIndex, connect_chroma
from memory.errors import TierUnavailable
from memory.models import Episode, SearchReport
from memory.owners.owner_files import OwnerFiles
from memory.results import CacheEntry
from memory.working.redis_cache import RedisSessionCache
from memory.working.redis_connection import GetRedis, RedisConnection
from nodes import prefetch as node
from nodes.prefetch import Prefetch
from tests.clock import Clock, Gate, own_clock
from tests.servers.hash_embeddings import HashEmbeddings

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
DEADLINE = 0.3
BUSY = "still busy with an earlier search"


@dataclass
class HangingVectors:
    """Chroma, whose searches can be held up or refused."""

    real: VectorBackend
    go: Gate
    down: bool = False
    searches: int = 0

    def search(self, collection: str, vector: Vector, limit: int) -> list[Found]:
        self.searches += 1
        if self.down:
            raise TierUnavailable("episodic", "nobody answers at chroma")
        self.go.wait()
        return self.real.search(collection, vector, limit)

    def upsert(
        self, collection: str, parts: Sequence[Chunk], vectors: Sequence[Vector], about: dict[str, str | int]
    ) -> None:
        self.real.upsert(collection, parts, vectors, about)

    def count(self, collection: str) -> int:
        return self.real.count(collection)

    def forget(self, collection: str, turn_ids: Sequence[str]) -> None:
        self.real.forget(collection, turn_ids)

    def drop(self, collection: str) -> None:
        self.real.drop(collection)

    def catch_up(self, collection: str) -> None:
        self.real.catch_up(collection)

    def names(self) -> set[str]:
        return self.real.names()

    def close(self) -> None:
        self.real.close()


class BusyEmbeddings(HashEmbeddings):
    """Embed queries on a thread that can be held up."""

    def __init__(self, clock: Clock | None = None, *, remote: bool = False) -> None:
        super().__init__()
        self.remote = remote
        self.go = Gate(clock)
        self.asked = 0
        self.bulk = asyncio.Event()
        self.bulk.set()

    async def aembed_query(self, text: str) -> list[float]:
        self.asked += 1
        await asyncio.to_thread(self.go.wait)
        return await super().aembed_query(text)

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        await self.bulk.wait()
        return await super().aembed_documents(texts)


@dataclass(frozen=True)
class SlowCache(RedisSessionCache):
    """Remember nothing; each call takes as long as it is told."""

    client: GetRedis = RedisConnection("redis://127.0.0.1:1").client
    get_seconds: float = 0.0
    put_seconds: float = 0.0

    async def get(self, key: str, *, owner: str) -> CacheEntry:
        await asyncio.sleep(self.get_seconds)
        return CacheEntry(generation=1, value=None)

    async def put(self, key: str, value: bytes, *, owner: str, generation: int, ttl: float) -> None:
        await asyncio.sleep(self.put_seconds)


@dataclass
class Bench:
    """A prefetch over a real archive."""

    folder: Path
    clock: Clock | None
    embeddings: BusyEmbeddings
    backend: HangingVectors | None = None
    turns: int = 0

    def __post_init__(self) -> None:
        self.files = OwnerFiles(self.folder / "owners", busy_timeout=0.5)
        vectors = VectorIndex(ChromaLocation(folder=self.folder / "chroma"), connect=self.connect)
        self.archive = EpisodeArchive(self.files, vectors, self.embeddings)
        self.behind = Background()
        turns = TurnReader(default_owner="ana", clock=lambda: NOW)
        self.node = Prefetch(turns, self.archive, SlowCache(), UTC, self.behind, loaded=True)

    def connect(self, location: ChromaLocation) -> VectorBackend:
        searches = self.backend.searches if self.backend else 0  # a connection that broke is opened again
        self.backend = HangingVectors(connect_chroma(location), Gate(self.clock), searches=searches)
        return self.backend

    @property
    def vectors(self) -> HangingVectors:
        assert self.backend is not None
        return self.backend

    async def fill(self) -> None:
        """Tell it something, and have everything loaded."""
        told = [
            ("boat", "The boat is called Merganser.", NOW - timedelta(days=30)),
            ("roof", "The roof leaks, see GOAT-42.", NOW - timedelta(days=1)),
        ]
        for turn_id, message, at in told:
            await self.archive.append(
                Episode(turn_id=turn_id, owner="ana", thread=turn_id, message=message, reply="", at=at)
            )
        await self.archive.index(owner="ana")
        recall, _ = await self.ask("what is the boat called?", prefetch_timeout=20)
        assert ok(recall), recall.reports

    async def ask(self, message: str, **thresholds: float) -> tuple[Recall, float]:
        """Run the node for one message; return what was recalled and the seconds that it took."""
        self.turns += 1
        context = TurnContext(**{"prefetch_timeout": DEADLINE, "cache_ttl": 0, **thresholds})
        said = user_message(message, turn_id=f"now-{self.turns}", owner="ana", at=NOW)
        began = time.perf_counter()
        update = await self.node({"messages": [said]}, Runtime(context=context))
        return update["recall"], time.perf_counter() - began


@pytest.fixture
async def clock() -> AsyncIterator[Clock]:
    with own_clock() as clock:
        yield clock


@asynccontextmanager
async def opened(
    folder: Path, clock: Clock | None = None, embeddings: BusyEmbeddings | None = None
) -> AsyncIterator[Bench]:
    bench = Bench(folder, clock, embeddings or BusyEmbeddings(clock))
    try:
        yield bench
    finally:
        if bench.backend is not None:
            bench.backend.go.open()
        bench.embeddings.go.open()
        bench.embeddings.bulk.set()
        await bench.behind.end()
        await bench.archive.close()
        await bench.files.close()


@pytest.fixture
async def bench(tmp_path: Path, clock: Clock) -> AsyncIterator[Bench]:
    async with opened(tmp_path, clock) as made:
        await made.fill()
        yield made


@pytest.fixture
async def filled(tmp_path: Path, clock: Clock) -> Path:
    """The folder of an archive that was filled earlier."""
    async with opened(tmp_path, clock) as first:
        await first.fill()
    return tmp_path


def thematic(recall: Recall) -> SearchReport:
    return recall.reports["thematic"]


def found(recall: Recall) -> list[str]:
    return [candidate.turn_id for candidate in recall.candidates]


def ok(recall: Recall) -> bool:
    return thematic(recall).status == "ok" and found(recall)[:1] == ["boat"]


async def assert_well_again(bench: Bench, prefetch_timeout: float = DEADLINE) -> None:
    recall, seconds = await bench.ask("what is the boat called?", prefetch_timeout=prefetch_timeout)
    while BUSY in thematic(recall).problem:  # until the thread that hung has ended
        await asyncio.sleep(0.02)
        recall, seconds = await bench.ask("what is the boat called?", prefetch_timeout=prefetch_timeout)
    assert ok(recall), recall.reports
    assert seconds < prefetch_timeout
    assert recall.candidates[0].evidence.cosine is not None
    assert thematic(recall).problem == ""


async def test_a_healthy_archive_is_searched_by_every_mechanism(bench: Bench) -> None:
    recall, seconds = await bench.ask("What did we say about GOAT-42 yesterday?")
    assert seconds < DEADLINE
    assert found(recall)[0] == "roof"
    assert recall.keys == ("GOAT-42",)
    assert recall.times is not None
    assert recall.times.text == "yesterday"
    assert not recall.times.alone
    assert {name: (report.status, report.problem) for name, report in recall.reports.items()} == {
        "thematic": ("ok", ""),
        "temporal": ("ok", ""),
        "key": ("ok", ""),
    }
    assert (recall.reports["temporal"].found, recall.reports["key"].found) == (1, 1)
    assert (recall.candidates[0].evidence.keyed, recall.candidates[0].evidence.timed) == (True, True)
    assert recall.query.model == "hash-1"


async def test_a_search_that_hangs_in_the_vectors_is_answered_by_the_rest(bench: Bench) -> None:
    bench.vectors.go.close()
    searches = bench.vectors.searches
    recall, seconds = await bench.ask("what is the boat called?")
    assert DEADLINE * 0.5 < seconds < DEADLINE
    assert found(recall)[0] == "boat"
    assert recall.candidates[0].evidence.cosine is not None  # beside the log
    assert (thematic(recall).status, thematic(recall).problem) == (
        "partial",
        "the vectors did not come in time",
    )
    for _ in range(3):
        recall, seconds = await bench.ask("where does the roof leak?")
        assert seconds < DEADLINE / 2
        assert found(recall)[0] == "roof"
        assert BUSY in thematic(recall).problem
    assert bench.vectors.searches == searches + 1
    bench.vectors.go.open()
    await assert_well_again(bench)


async def test_a_hang_in_one_owners_vectors_is_no_other_owners(bench: Bench) -> None:
    await bench.archive.append(
        Episode(turn_id="b", owner="bob", thread="b", message="The boat sank.", reply="", at=NOW)
    )
    await bench.archive.index(owner="bob")
    bench.vectors.go.close()
    await bench.ask("what is the boat called?")
    said = user_message("boat", turn_id="x", owner="bob", at=NOW)
    context = TurnContext(prefetch_timeout=DEADLINE, cache_ttl=0)
    recall = (await bench.node({"messages": [said]}, Runtime(context=context)))["recall"]
    assert found(recall) == ["b"]
    assert thematic(recall).problem == "the vectors did not come in time"


async def test_a_chroma_that_is_down_is_named_and_costs_no_time(bench: Bench) -> None:
    bench.vectors.down = True
    down = bench.vectors
    recall, seconds = await bench.ask("what is the boat called?")
    assert seconds < DEADLINE
    assert found(recall)[0] == "boat"
    assert thematic(recall).status == "partial"
    assert "nobody answers at chroma" in thematic(recall).problem
    await assert_well_again(bench)
    assert bench.vectors is not down


async def test_an_embedding_model_that_is_busy_leaves_the_words(bench: Bench) -> None:
    bench.embeddings.go.close()
    asked = bench.embeddings.asked
    recall, seconds = await bench.ask("what is the boat called, see GOAT-42?")
    assert DEADLINE * 0.5 < seconds < DEADLINE
    assert sorted(found(recall)) == ["boat", "roof"]
    assert {candidate.evidence.cosine for candidate in recall.candidates} == {None}
    assert recall.reports["key"].found == 1
    assert recall.query.model == ""
    assert (thematic(recall).status, thematic(recall).problem) == (
        "partial",
        "the embedding of the message did not come in time",
    )
    recall, seconds = await bench.ask("where does the roof leak?")
    assert seconds < DEADLINE / 2
    assert found(recall) == ["roof"]
    assert BUSY in thematic(recall).problem
    assert bench.embeddings.asked == asked + 1
    bench.embeddings.go.open()
    await assert_well_again(bench)


LOCKER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


async def test_a_writer_in_another_process_keeps_no_search_waiting(bench: Bench) -> None:
    command = [sys.executable, "-c", LOCKER, str(bench.files.path("ana"))]
    locker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: ASYNC220
    try:
        assert locker.stdout is not None
        assert await asyncio.to_thread(locker.stdout.readline) == b"locked\n"
        with pytest.raises(TierUnavailable, match="locked by another process"):
            await bench.archive.tag("boat", "blue", owner="ana")
        recall, seconds = await bench.ask("what is the boat called?")
        assert ok(recall)
        assert seconds < DEADLINE
    finally:
        locker.communicate()


async def test_a_file_that_another_process_has_to_itself_is_late_and_comes_back(
    filled: Path, clock: Clock
) -> None:
    async with opened(filled, clock) as bench:
        await bench.archive.ready(owner="nobody")
        with closing(sqlite3.connect(bench.files.path("ana"), isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            for _ in range(3):
                recall, seconds = await bench.ask("what is the boat called?")
                assert seconds <= DEADLINE
                assert recall.candidates == ()
                assert thematic(recall).status in ("late", "down")
                assert thematic(recall).problem
        await assert_well_again(bench)


async def test_a_reader_that_hangs_is_late_once_then_refused_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        await bench.fill()
        hung = threading.Event()
        hanging = asyncio.create_task(bench.files.read("ana", "episodic", lambda _: hung.wait()))
        recall, _ = await bench.ask("what is the boat called?")
        assert (recall.candidates, thematic(recall).status) == ((), "late")
        assert f"{DEADLINE:g} s" in thematic(recall).problem
        for _ in range(3):
            recall, _ = await bench.ask("what is the boat called?", prefetch_timeout=30)
            assert (recall.candidates, thematic(recall).status) == ((), "down")
            assert BUSY in thematic(recall).problem
        hung.set()
        await hanging
        await assert_well_again(bench, prefetch_timeout=30)


async def test_a_cache_that_is_slow_to_answer_costs_a_fifth_of_the_time(bench: Bench) -> None:
    bench.node.cache = SlowCache(get_seconds=10)
    recall, seconds = await bench.ask("what is the boat called?", cache_ttl=60)
    assert ok(recall)
    assert seconds <= DEADLINE


async def test_a_cache_that_is_slow_to_write_costs_nothing_that_was_found(bench: Bench) -> None:
    bench.node.cache = SlowCache(put_seconds=10)
    recall, seconds = await bench.ask("what is the boat called?", cache_ttl=60)
    assert ok(recall)
    assert bench.behind.here()
    assert seconds <= DEADLINE


@pytest.mark.parametrize("how", ["hangs", "is down"])
async def test_null_turns_that_cannot_be_embedded_leave_the_words(
    filled: Path, clock: Clock, how: str
) -> None:
    class Endpoint(BusyEmbeddings):
        async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
            if how == "is down":
                raise TierUnavailable("episodic", "the endpoint is down")
            return await super().aembed_documents(texts)

    endpoint = Endpoint(clock, remote=True)
    endpoint.bulk.clear()
    async with opened(filled, clock, endpoint) as bench:
        recall, seconds = await bench.ask("what is the boat called?")
        assert seconds <= DEADLINE
        assert found(recall)[:1] == ["boat"]
        assert thematic(recall).problem


async def test_the_first_turn_has_the_archive_loaded_before_the_clock_runs(bench: Bench) -> None:
    bench.node.loaded = False
    recall, _ = await bench.ask("what is the boat called?")
    assert ok(recall)
    assert bench.node.loaded


async def test_a_model_that_does_not_load_is_named_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "LOADING_SECONDS", 0.0)
    bench.node.loaded = False
    recall, _ = await bench.ask("what is the boat called?")
    assert "not loaded after" in thematic(recall).problem
    recall, _ = await bench.ask("what is the boat called?")
    assert ok(recall)
    assert thematic(recall).problem == ""


class WatchedZone(tzinfo):
    """UTC that notes the threads in which it is asked."""

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def utcoffset(self, _: datetime | None) -> timedelta:
        self.threads.add(threading.get_ident())
        return timedelta(0)

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, _: datetime | None) -> str:
        return "watched"


async def test_whatever_hangs_the_turn_goes_on_without_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(bench.archive, "search", hangs)
    async with asyncio.timeout(60):
        recall, _ = await bench.ask("what is the boat called?")
    assert thematic(recall).status == "late"


async def test_a_message_that_takes_its_time_is_not_read_on_the_event_loop(tmp_path: Path) -> None:
    zone = WatchedZone()
    async with opened(tmp_path) as bench:
        bench.node = replace(bench.node, zone=zone)
        await bench.ask("what did we say on friday?", prefetch_timeout=20)
        assert zone.threads == {threading.get_ident()}
        zone.threads.clear()
        await bench.ask("what did we say " + "on friday " * 30, prefetch_timeout=20)
        assert zone.threads
        assert threading.get_ident() not in zone.threads


@dataclass(frozen=True)
class Begun:
    """A turn whose search begins before its first node."""

    bench: Bench
    message: str
    context: TurnContext = field(default_factory=lambda: TurnContext(prefetch_timeout=20, cache_ttl=0))

    def said(self, message: str = "", owner: str = "ana") -> HumanMessage:
        return user_message(message or self.message, turn_id="ahead", owner=owner, at=NOW)

    def ahead(self) -> AbstractAsyncContextManager[None]:
        turn = self.bench.node.turns.of(self.said(), "ana", thread_id("no thread", "ana"))
        return self.bench.node.ahead(turn, self.context)

    async def run(self, *before: HumanMessage, said: HumanMessage | None = None) -> Recall:
        messages: list[AnyMessage] = [*before, said or self.said()]
        return (await self.bench.node({"messages": messages}, Runtime(context=self.context)))["recall"]


async def test_a_search_that_was_begun_ahead_is_the_only_one(bench: Bench) -> None:
    turn, searches, asked = (
        Begun(bench, "what is my boat called?"),
        bench.vectors.searches,
        bench.embeddings.asked,
    )
    async with turn.ahead():
        assert found(await turn.run())[0] == "boat"
    assert (bench.vectors.searches, bench.embeddings.asked) == (searches + 1, asked + 1)
    assert not bench.node.early


async def test_a_search_ahead_serves_no_other_message_and_no_other_owner(bench: Bench) -> None:
    turn = Begun(bench, "what is my boat called?")
    async with turn.ahead():
        assert found(await turn.run(said=turn.said("where does the roof leak?")))[0] == "roof"
    async with turn.ahead():
        assert found(await turn.run(said=turn.said(owner="bob"))) == []


async def test_a_search_ahead_is_never_that_of_an_earlier_turn_of_the_same_id(bench: Bench) -> None:
    async with Begun(bench, "what is my boat called?").ahead():
        pass
    turn = Begun(bench, "where does the roof leak?")
    async with turn.ahead():
        assert found(await turn.run())[0] == "roof"


async def test_a_search_ahead_is_not_shown_after_its_owner_was_erased(bench: Bench) -> None:
    turn = Begun(bench, "what is my boat called?")
    async with turn.ahead():
        await bench.node.early["ahead"].searching
        await bench.archive.erase(owner="ana")
        bench.node.forget_owner("ana")
        assert found(await turn.run()) == []


async def test_a_message_that_leans_on_those_before_it_is_searched_with_them(bench: Bench) -> None:
    turn = Begun(bench, "and what about it?")
    before = user_message("where does the roof leak?", turn_id="before", owner="ana", at=NOW)
    async with turn.ahead():
        recall = await turn.run(before)
    assert recall.expanded == "where does the roof leak?\nand what about it?"
    assert found(recall)[0] == "roof"


async def test_a_search_ahead_is_forgotten_when_an_earlier_turn_is_finished_first(bench: Bench) -> None:
    turn = Begun(bench, "what is the dinghy called?")
    async with turn.ahead():
        await bench.node.early["ahead"].searching
        await bench.archive.append(
            Episode(turn_id="dinghy", owner="ana", thread="t", message="The dinghy is Pip.", reply="", at=NOW)
        )
        bench.node.forget("ahead")
        assert "dinghy" in found(await turn.run())
