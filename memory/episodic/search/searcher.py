"""Search of an owner's archive by meaning, words and other mechanisms, within a deadline."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from memory.concurrency.background import Background, wait_result
from memory.concurrency.deadline import Steps, retrieve_outcome
from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic.index.indexer import Indexer, collection_name
from memory.episodic.index.ledger import VectorLedger, VectorState
from memory.episodic.search.hits import Asked, collect
from memory.episodic.search.lookup import look_up
from memory.episodic.search.scores import Against, hold
from memory.episodic.search.vector_reach import Reach, Reaches, since
from memory.episodic.vectors.kept_vectors import NUMBER_BITS
from memory.episodic.vectors.noise_floor import NullTurns
from memory.episodic.vectors.vectors import TIER, Found, Vector, VectorIndex
from memory.errors import MemoryTierError
from memory.owners.owner_files import OwnerFiles
from memory.recall.fusion_weights import BALANCED, FusionWeights
from memory.recall.mechanisms import Retriever
from memory.recall.staged import called_for
from memory.results import SearchResult

PARTS = 60  # parts requested first
MOST_PARTS = 2000
EMBEDDING = "embedding"
MOST_EXPECTED = 32  # embeddings kept for an expected search
SHARE = 0.75  # share of the remaining time for the vectors; the rest is for the search without them


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search request."""

    text: str
    owner: str
    limit: int
    by: Sequence[Retriever] = ()
    weights: FusionWeights = BALANCED
    until: float = float("inf")
    """Deadline by `time.monotonic`."""
    reuse: bool = False
    """Allow cached results of the vector search."""

    @property
    def seconds(self) -> float:
        """Remaining time."""
        return self.until - time.monotonic()


@dataclass(slots=True)
class Dense:
    """Result of the vector search."""

    against: Against | None = None
    """None without a comparable vector of the query."""
    small_talk: bool = False
    found: Sequence[Found] = ()
    problems: list[str] = field(default_factory=list)


class Searcher:
    """Searches one archive; a store that hangs loses only its part of the result."""

    def __init__(
        self,
        files: OwnerFiles,
        indexer: Indexer,
        vectors: VectorIndex,
        embeddings: EmbeddingModel,
        nulls: NullTurns,
        background: Background,
    ) -> None:
        self._files = files
        self._ledger = VectorLedger(files)
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
            state = await self.steps.within(file, self._ledger.state(query.owner), query.seconds)
            if query.limit <= 0 or not (state.parts or state.pending):
                return SearchResult(hits=(), waiting=state.pending)
            dense = asyncio.create_task(self._dense(query, state, embedding))
            tasks.append(dense)
            work = partial(look_up, query=query.text, by=query.by)
            looking = self._files.read(query.owner, TIER, work)
            lookup = await self.steps.within(file, looking, query.seconds)
            said = await dense
        finally:
            for task in tasks:
                task.cancel()
                task.add_done_callback(retrieve_outcome)
        asked = await to_asked(query, state, said, nulls=self._nulls, model=self._embeddings.name)
        collecting = self._files.read(query.owner, TIER, partial(collect, asked=asked, lookup=lookup))
        result, ghosts = await self.steps.within(file, collecting, query.seconds)
        if ghosts:
            self._reaches.forget(query.owner, query.text, query.limit)
        self._indexer.report_ghosts(query.owner, ghosts)
        return result

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
        said = Dense()
        if not state.parts and state.latest < 0:
            return said
        until = time.monotonic() + query.seconds * SHARE
        try:
            checked = self._indexer.checked(query.owner, state)
            vector = await embedding
            self._indexer.checked(query.owner, state)  # an endpoint reveals the length with the first vector
            holding = held_against(vector, checked, self._nulls)
            held, said.small_talk = await self.steps.within("null turns", holding, until - time.monotonic())
            said.against = held
            searching = self._reached(vector, held.centred.tolist(), query, checked)
            seconds = until - time.monotonic()
            said.found = await self.steps.within(("vectors", query.owner), searching, seconds)
        except TimeoutError:
            late = "the vectors" if said.against else "the embedding of the message"
            said.problems.append(f"{late} did not come in time")
        except MemoryTierError as error:
            said.problems.append(str(error))
        return said

    def _known(self, query: Query) -> Reach | None:
        return self._reaches.find(query.owner, query.text, query.limit) if query.reuse else None

    async def _reached(
        self, vector: Vector, centred: Vector, query: Query, state: VectorState
    ) -> list[Found]:
        """Return the cached parts with those added since, or search the vectors."""
        collection, place = collection_name(query.owner, state), state.latest >> NUMBER_BITS
        known = self._known(query)
        if known is not None and known.collection == collection:
            later = await self._files.read(query.owner, TIER, partial(since, place=known.place))
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


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def held_against(vector: Vector, state: VectorState, nulls: NullTurns) -> tuple[Against, bool]:
    """Centre a query's vector for the archive; also return whether the query is small talk."""
    average, (likeness,) = await nulls.average(), await nulls.small_talk([list(vector)])
    archive = None if state.mean is None else state.mean.astype(np.float32)
    query = np.asarray(vector, np.float32)
    held = hold(query, archive, average, scale=nulls.scale, parts=state.parts, latest=state.latest)
    return held, nulls.is_small_talk(likeness)


async def to_asked(query: Query, state: VectorState, said: Dense, *, nulls: NullTurns, model: str) -> Asked:
    """Collect the inputs of the ranking."""
    return Asked(
        owner=query.owner,
        text=query.text,
        limit=query.limit,
        weights=query.weights,
        against=said.against,
        nulls=await nulls.average() if said.against else None,
        noise=_noise(state),
        found=tuple(dict.fromkeys(part.turn_id for part in said.found)),
        model=model if said.against else "",
        calls=called_for(model, said.against.query) if said.against else None,
        small_talk=said.small_talk,
        small_talk_bar=nulls.bar,
        waiting=state.pending,
        problems=tuple(said.problems),
        latest=state.latest,
        parts=state.parts,
    )


def _noise(state: VectorState) -> tuple[float, ...]:
    """Return the null turns' maxima, ascending; empty while the archive holds only small talk."""
    if state.maxima is None or state.maxima.max(initial=-1.0) <= -1.0:
        return ()
    return tuple(sorted(map(float, state.maxima)))
