"""Incremental indexing of the log, with recovery after a crash or a lost vector folder."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Container, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from weakref import WeakValueDictionary

from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic.index.backlog import Backlog, Embedded, Embedder, Slice
from memory.episodic.index.ledger import VectorLedger
from memory.episodic.index.vector_state import VectorState, check_model, collection_name
from memory.episodic.log.episode_log import TIER, EpisodeLog
from memory.episodic.vectors import kept_vectors
from memory.episodic.vectors.noise_floor import NullTurns
from memory.episodic.vectors.vector_index import VectorIndex
from memory.errors import EmbeddingMismatch, TierUnavailable
from memory.results import IndexProgress

LOG = logging.getLogger(__name__)
PROBE = 4000  # parts; a lost index still returns the last thousand, which Chroma keeps outside of it


class Indexer:
    """Embeds pending episodes, one run per owner at a time."""

    def __init__(
        self,
        log: EpisodeLog,
        ledger: VectorLedger,
        vectors: VectorIndex,
        embeddings: EmbeddingModel,
        nulls: NullTurns,
    ) -> None:
        self._log = log
        self._ledger = ledger
        self._vectors = vectors
        self._embeddings = embeddings
        self._nulls = nulls
        self._embedder = Embedder(ledger, embeddings, nulls)
        self._locks: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()
        self._trusted: set[str] = set()
        self._seen: dict[str, int] = {}
        self._ghosts: defaultdict[str, set[str]] = defaultdict(set)

    async def run(self, owner: str) -> AsyncGenerator[IndexProgress, None]:
        """Index pending episodes slice by slice; all episodes when vectors were lost.

        Closing the generator cancels the embedding of the next slices.

        Raises:
            EmbeddingMismatch: another model made the vectors.
        """
        async with self.exclusive(owner):
            state = check_model(await self._ledger.state(owner), owner, self._embeddings)
            if state.collection is None and not state.pending:
                return
            try:
                state = await self._complete(owner, state)
                await self._forget_ghosts(owner, state)
                done = begun = 0
                async with aclosing(self._index_slices(owner, state)) as indexed:
                    async for state, some in indexed:
                        done, begun = done + len(some.finished), begun + some.begun
                        yield IndexProgress(owner, done, done + state.pending, begun=begun)
            except TierUnavailable:
                self._trusted.clear()
                raise

    async def is_current(self, owner: str, collections: Container[str]) -> bool:
        """Return True if every episode has its vectors and their collection is among these.

        Raises:
            EmbeddingMismatch: another model made the vectors.
        """
        state = check_model(await self._ledger.state(owner), owner, self._embeddings)
        if state.pending or state.collection is None:
            return not state.pending
        measured = not state.parts or (
            state.maxima is not None and state.null_turns == await self._nulls.name()
        )
        return measured and collection_name(owner, state) in collections

    async def begin_rebuilding(self, owner: str) -> None:
        """Drop this model's vectors, so that the next run embeds everything; do nothing during a rebuild.

        Vectors by another model stay.

        Raises:
            EmbeddingMismatch: there are vectors by two other models.
        """
        async with self.exclusive(owner):
            state = await self._ledger.own(owner)
            if not state.rebuilding:
                await self._begin(owner, state, clear=True)

    async def drop_others(self, owner: str) -> list[str]:
        """Drop the vectors by other models; return the models' names.

        Raises:
            EmbeddingMismatch: this model's are missing or incomplete, so the others are in use.
        """
        async with self.exclusive(owner):
            name = self._embeddings.name
            states = await self._ledger.states(owner)
            others = [state for state in states if state.model != name]
            if others and not any(state.model == name and not state.rebuilding for state in states):
                raise EmbeddingMismatch(
                    TIER,
                    f"nothing is deleted: the vectors of {owner!r} by {name} are not built yet; run"
                    f" `goat reindex` with this model first, or set GOAT_EMBEDDING_MODEL to the one to keep",
                )
            for state in others:
                await self._vectors.drop(collection_name(owner, state))
                await self._ledger.drop(owner, state.slot)
            return [state.model or "" for state in others]

    @asynccontextmanager
    async def exclusive(self, owner: str) -> AsyncIterator[None]:
        """Hold the owner's lock against other runs in this process."""
        key = (id(asyncio.get_running_loop()), owner)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            yield

    async def catch_up(self, collection: str, writes: int) -> None:
        """Make the first `writes` changes of a collection visible here, whichever process made them."""
        if self._seen.get(collection, writes) != writes:
            await self._vectors.catch_up(collection)
        self._seen[collection] = writes

    async def is_missing_vectors(self, owner: str, state: VectorState) -> bool:
        """Return whether the collection has too few records; the next `run` then rebuilds it."""
        if await self._vectors.count(collection_name(owner, state)) >= state.parts:
            return False
        self.distrust(owner)
        return True

    def distrust(self, owner: str) -> None:
        """Verify the owner's vectors before the next run, because a search found too few."""
        self._trusted.discard(owner)

    def report_ghosts(self, owner: str, turn_ids: Iterable[str]) -> None:
        """Schedule the deletion of vectors whose episodes are not in the log."""
        self._ghosts[owner].update(turn_ids)

    def forget(self, owner: str) -> None:
        """Drop the cached state of the owner's vectors."""
        self._trusted.discard(owner)
        self._ghosts.pop(owner, None)

    async def _complete(self, owner: str, state: VectorState) -> VectorState:
        """Create a missing collection, replace an incomplete one, and measure missing maxima."""
        if state.collection is None or not await self._is_complete(owner, state):
            state = await self._begin(owner, state)
        self._trusted.add(owner)
        if state.parts and (state.maxima is None or state.null_turns != await self._nulls.name()):
            await self._ledger.measure(owner, state, await self._nulls.name(), await self._nulls.measure())
        return state

    async def _is_complete(self, owner: str, state: VectorState) -> bool:
        if owner in self._trusted or not state.parts:
            return True
        collection = collection_name(owner, state)
        if await self._vectors.count(collection) >= state.parts:
            wanted = min(state.parts, PROBE)
            await self._vectors.catch_up(collection)
            probe = (await self._nulls.vectors())[0].tolist()
            if len(await self._vectors.search(collection, probe, wanted)) * 4 >= wanted:
                return True
        LOG.warning("vectors of %r were lost; writing them all again", owner)
        return False

    async def _begin(self, owner: str, state: VectorState, *, clear: bool = False) -> VectorState:
        fresh = await self._ledger.begin(owner, slot=state.slot, instead_of=state.collection, clear=clear)
        if state.collection is not None:
            try:
                await self._vectors.drop(collection_name(owner, state))
            except TierUnavailable as error:
                LOG.warning("the old vectors of %r could not be deleted: %s", owner, error)
        return fresh

    async def _forget_ghosts(self, owner: str, state: VectorState) -> None:
        ghosts = self._ghosts.pop(owner, set())
        known = {episode.turn_id for episode in await self._log.get(list(ghosts), owner=owner)}
        if gone := sorted(ghosts - known):
            await self._vectors.forget(collection_name(owner, state), gone)

    async def _index_slices(
        self, owner: str, state: VectorState
    ) -> AsyncGenerator[tuple[VectorState, Slice], None]:
        """Embed, write and commit slice by slice; yield the state after each."""
        backlog = Backlog(self._log, self._embeddings.split_offsets, owner, state.slot)
        async with aclosing(self._embedder.slices(owner, backlog)) as slices:
            async for some, embedded in slices:
                marked = await self._write(owner, state, some, embedded)
                if marked.collection != state.collection:
                    break
                state = marked
                yield state, some
            else:
                return
        # Another process replaced or erased the collection.
        await self._vectors.drop(collection_name(owner, state))
        if marked.collection is not None:
            state = check_model(marked, owner, self._embeddings)
            async with aclosing(self._index_slices(owner, state)) as anew:
                async for step in anew:
                    yield step

    async def _write(self, owner: str, state: VectorState, some: Slice, embedded: Embedded) -> VectorState:
        """Write vectors to the collection, then commit them to the ledger.

        A message alone goes into the collection only when the rest of its turn follows later.
        """
        # An endpoint reveals its vector length with the first answer.
        check_model(state, owner, self._embeddings)
        if not embedded:
            return state
        found = [
            (part, kept)
            for part, kept in embedded
            if part.number != kept_vectors.MESSAGE or part.turn_id not in some.finished
        ]
        dimension, name = len(embedded[0][1].vector), self._embeddings.name
        about: dict[str, str | int] = {"embedding_model": name, "dimension": dimension}
        collection, vectors = collection_name(owner, state), [list(kept.vector) for _, kept in found]
        await self._vectors.upsert(collection, [part for part, _ in found], vectors, about)
        by_turn = defaultdict(list)
        for part, kept in embedded:
            by_turn[part.turn_id].append(kept)
        known = replace(state, dimension=dimension, null_turns=await self._nulls.name())
        measure = await self._nulls.measure()
        maxima = measure([kept_vectors.to_parts((0, kept) for _, kept in embedded)])
        marked = await self._ledger.mark(owner, known, by_turn, some.finished, maxima)
        alone = marked.writes == state.writes + 1
        self._seen[collection] = marked.writes if alone else state.writes
        return marked
