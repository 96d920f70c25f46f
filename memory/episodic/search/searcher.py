"""Search of an owner's archive by meaning, words and other mechanisms, within a deadline."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from memory.concurrency.tasks import Background, Steps, retrieve_outcome, wait_result
from memory.database import Database, OwnerTables
from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic.index.indexer import Indexer
from memory.episodic.index.vector_state import VectorState, check_model, collection_name, read_model_state
from memory.episodic.search.hits import Dense, Query, collect, compare
from memory.episodic.search.lookup import Lookup, look_up
from memory.episodic.vectors.kept_vectors import NUMBER_BITS
from memory.episodic.vectors.noise_floor import NullTurns
from memory.episodic.vectors.vector_backend import TIER, Found, Vector
from memory.episodic.vectors.vector_index import VectorIndex
from memory.errors import MemoryTierError
from memory.models import Mechanism
from memory.recall.mechanisms import WATCH, Watch
from memory.results import SearchResult

PARTS = 60  # parts requested first
MOST_PARTS = 2000
EMBEDDING = "embedding"
MOST_EXPECTED = 32  # embeddings kept for an expected search
KEPT = 512  # cached searches
MOST_SINCE = 200  # later episodes that are all added to a cached search; with more, it is done again
SHARE = 0.75  # share of the remaining time for the vectors; the rest is for the search without them


@dataclass(frozen=True, slots=True)
class Reach:
    """The result of a vector search in a fully indexed archive."""

    collection: str
    vector: Vector
    """Vector of the query."""
    found: Sequence[Found]
    place: int
    """Sequence number of the latest indexed episode."""


@dataclass(frozen=True, slots=True)
class Reaches:
    """LRU cache of vector searches by owner, text and limit.

    Every turn adds to the archive, so a complete result is never requested twice. But the parts closest to a
    message among older episodes stay the same: they are cached with the sequence number up to which they are
    valid, and scored again together with all later episodes.
    """

    _kept: OrderedDict[str, Reach] = field(default_factory=OrderedDict)

    def find(self, owner: str, text: str, limit: int) -> Reach | None:
        """Return the cached result, or None."""
        key = _key(owner, limit, text)
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, owner: str, text: str, limit: int, reach: Reach) -> None:
        """Cache the result of a search."""
        key = _key(owner, limit, text)
        self._kept[key] = reach
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def forget(self, owner: str, text: str, limit: int) -> None:
        """Remove a search from the cache, because some of its episodes no longer exist."""
        self._kept.pop(_key(owner, limit, text), None)


class Searcher:
    """Searches one archive; a store that hangs loses only its part of the result."""

    def __init__(
        self,
        files: OwnerTables,
        indexer: Indexer,
        vectors: VectorIndex,
        embeddings: EmbeddingModel,
        nulls: NullTurns,
        background: Background,
    ) -> None:
        self._files = files
        self._indexer = indexer
        self._vectors = vectors
        self._embeddings = embeddings
        self._nulls = nulls
        self._reaches = Reaches()
        self._background = background
        self._expected: OrderedDict[str, asyncio.Task[Vector]] = OrderedDict()
        self.steps = Steps(TIER)

    def expect(self, text: str, owner: str, limit: int) -> None:
        """Start embedding the text of an expected search; not for a remote model."""
        if self._embeddings.remote or self.steps.is_behind(EMBEDDING):
            return
        if self._reaches.find(owner, text, limit):
            return
        work = partial(self._embeddings.aembed_query, text)
        self._expected[_key(text)] = self._background.joined(object(), work)
        while len(self._expected) > MOST_EXPECTED:
            self._expected.popitem(last=False)

    async def __call__(self, query: Query) -> SearchResult:
        """Search; vector results that are late are left out and reported.

        Raises:
            TimeoutError: the owner's file did not answer in time.
            MemoryTierError: the owner's file cannot be read.
        """
        file, embedding = ("file", query.owner), asyncio.create_task(self._embedded(query))
        tasks: list[asyncio.Task[Any]] = [embedding]
        try:
            state, lookup = await self.steps.within(file, self._look_up(query), query.seconds)
            if query.limit <= 0 or not (state.parts or state.pending):
                return SearchResult(hits=(), waiting=state.pending)
            dense = asyncio.create_task(self._dense(query, state, embedding))
            tasks.append(dense)
            if watch := WATCH.get():
                watched = self._watched(watch, query, lookup, dense)
                lookup = await self.steps.within(file, watched, query.seconds)
            said = await dense
        finally:
            for task in tasks:
                task.cancel()
                task.add_done_callback(retrieve_outcome)
        work = partial(collect, query=query, state=state, dense=said, lookup=lookup)
        collecting = self._files.read(query.owner, TIER, work)
        result, ghosts = await self.steps.within(file, collecting, query.seconds)
        if ghosts:
            self._reaches.forget(query.owner, query.text, query.limit)
        self._indexer.report_ghosts(query.owner, ghosts)
        return result

    async def _look_up(self, query: Query) -> tuple[VectorState, Lookup]:
        """Read the state of the vectors, and look up words and mechanisms; for a watcher, words alone."""
        by = () if WATCH.get() else query.by

        def work(db: Database) -> tuple[VectorState, Lookup]:
            return read_model_state(db, self._embeddings.name), look_up(db, query.text, by)

        return await self._files.read(query.owner, TIER, work)

    async def _watched(
        self, watch: Watch, query: Query, lookup: Lookup, dense: "asyncio.Task[Dense]"
    ) -> Lookup:
        """Add what the mechanisms find, each in a separate read that `watch` observes."""

        async def thematic() -> tuple[Lookup, Dense]:
            return lookup, await dense

        others = (watch(one.name, self._files.read(query.owner, TIER, one.find)) for one in query.by)
        _, *found = await asyncio.gather(watch(Mechanism.THEMATIC, thematic()), *others)
        return replace(lookup, found=list(zip(query.by, found, strict=True)))

    async def _embedded(self, query: Query) -> Vector:
        """Embed the query, concurrently with reading the owner's file."""
        if known := self._known(query):
            return known.vector
        expected = self._expected.pop(_key(query.text), None)
        here = expected is not None and expected.get_loop() is asyncio.get_running_loop()
        embedding = wait_result(expected) if expected and here else self._embeddings.aembed_query(query.text)
        return await self.steps.within(EMBEDDING, embedding, query.seconds * SHARE)

    async def _dense(self, query: Query, state: VectorState, embedding: "asyncio.Task[Vector]") -> Dense:
        """Find the parts closest to the query; report errors instead of raising them."""
        dense, model = Dense(), self._embeddings.name
        is_imported = state.collection is None and state.model != model  # the next index run replaces them
        if is_imported or (not state.parts and state.latest < 0):
            return dense
        until = time.monotonic() + query.seconds * SHARE
        try:
            checked = check_model(state, query.owner, self._embeddings)
            vector = await embedding
            # An endpoint reveals the length with the first vector.
            check_model(state, query.owner, self._embeddings)
            comparing = compare(vector, checked, self._nulls, model)
            dense, centred = await self.steps.within("null turns", comparing, until - time.monotonic())
            searching = self._reached(vector, centred.tolist(), query, checked)
            seconds = until - time.monotonic()
            found = await self.steps.within(("vectors", query.owner), searching, seconds)
            dense.found = tuple(dict.fromkeys(part.turn_id for part in found))
        except TimeoutError:
            late = "the vectors" if dense.against else "the embedding of the message"
            dense.problems.append(f"{late} did not come in time")
        except MemoryTierError as error:
            dense.problems.append(str(error))
        return dense

    def _known(self, query: Query) -> Reach | None:
        return self._reaches.find(query.owner, query.text, query.limit) if query.reuse else None

    async def _reached(
        self, vector: Vector, centred: Vector, query: Query, state: VectorState
    ) -> list[Found]:
        """Return the cached parts with those added since, or search the vectors."""
        collection, place = collection_name(query.owner, state), state.latest >> NUMBER_BITS
        known = self._known(query)
        if known is not None and known.collection == collection:
            later = await self._files.read(query.owner, TIER, partial(_since, place=known.place))
            if later is not None:
                return [*known.found, *later]
        found = await self._closest(centred, query, state)
        if query.reuse and not state.pending:
            reach = Reach(collection, vector, found, place)
            self._reaches.keep(query.owner, query.text, query.limit, reach)
        return found

    async def _closest(self, vector: Vector, query: Query, state: VectorState) -> list[Found]:
        collection = collection_name(query.owner, state)
        wanted = max(PARTS, query.limit * 2)
        await self._indexer.catch_up(collection, state.writes)
        while True:
            found = await self._vectors.search(collection, vector, wanted)
            exhausted = len(found) < wanted and wanted >= state.parts
            if len({part.turn_id for part in found}) >= query.limit or exhausted or wanted >= MOST_PARTS:
                break
            wanted *= 4
        if len(found) * 2 < min(wanted, state.parts):
            self._indexer.distrust(query.owner)
        return found


def _since(db: Database, place: int) -> list[Found] | None:
    """Return the episodes after `place`; None when there are more than `MOST_SINCE`."""
    sql = "SELECT turn_id FROM episodes WHERE seq > ? ORDER BY seq LIMIT ?"
    rows = db.execute(sql, (place, MOST_SINCE + 1)).fetchall()
    return None if len(rows) > MOST_SINCE else [Found(turn_id, 0.0) for (turn_id,) in rows]


def _key(*parts: str | int) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()
