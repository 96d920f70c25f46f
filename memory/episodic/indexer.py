"""Bring an owner's vectors up to date with the log, from wherever a crash or a lost folder left them."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from memory.embedding.model import EmbeddingModel
from memory.episodic import kept_vectors
from memory.episodic.backlog import Backlog, Slice
from memory.episodic.kept_vectors import KeptPart
from memory.episodic.ledger import VectorLedger, VectorState
from memory.episodic.log import TIER, EpisodeLog
from memory.episodic.noise import NullTurns
from memory.episodic.vectors import Part, VectorIndex
from memory.errors import EmbeddingMismatch, MemoryTierError, TierUnavailable
from memory.owner_key import owner_key

LOG = logging.getLogger(__name__)
PROBE = 4000  # parts; a lost index still finds the last thousand, which Chroma keeps beside it


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an owner's vectors have come."""

    owner: str
    done: int
    total: int
    error: MemoryTierError | None = None
    """Why it went no further."""


class Indexer:
    """Embed what waits in the log, one run an owner at a time."""

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
        self._locks: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()
        self._trusted: set[str] = set()
        self._seen: dict[str, int] = {}
        self._ghosts: defaultdict[str, set[str]] = defaultdict(set)

    async def run(self, owner: str) -> AsyncIterator[Progress]:
        """Index what has no vectors yet, a slice at a time; everything when vectors were lost.

        Raises:
            EmbeddingMismatch: the vectors were made by another model.
        """
        async with self.alone(owner):
            state = self.checked(owner, await self._ledger.state(owner))
            if state.collection is None and not state.pending:
                return
            try:
                state = await self._made_whole(owner, state)
                await self._forget_ghosts(owner, state)
                done, backlog = 0, Backlog(self._log, self._embeddings.split_offsets, owner)
                while (some := await backlog.next()) is not None:
                    marked = await self._index(owner, state, some)
                    if marked.collection != state.collection:  # another process began anew, or erased it all
                        await self._vectors.drop(collection_name(owner, state))
                        if marked.collection is None:
                            return
                        self.checked(owner, marked)
                        backlog.begin_again()
                    state = marked
                    done += len(some.finished)
                    yield Progress(owner, done, done + state.pending)
            except TierUnavailable:
                self._trusted.clear()
                raise

    async def begin_anew(self, owner: str) -> None:
        """Drop the owner's vectors; the next run embeds everything."""
        async with self.alone(owner):
            await self._begin(owner, await self._ledger.state(owner), afresh=True)

    @asynccontextmanager
    async def alone(self, owner: str) -> AsyncIterator[None]:
        """Keep other runs of this owner out, in this process."""
        key = (id(asyncio.get_running_loop()), owner)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            yield

    def checked(self, owner: str, state: VectorState) -> VectorState:
        """Return `state` when its vectors can be compared with the model's.

        Raises:
            EmbeddingMismatch: they cannot; says what to do.
        """
        model, made_by = self._embeddings, state.model
        if made_by is None or state.collection is None:
            return state
        other_length = None not in (model.dimension, state.dimension) and model.dimension != state.dimension
        if made_by != model.name or other_length:
            raise EmbeddingMismatch(
                TIER,
                f"the vectors of {owner!r} were made by {made_by} ({state.dimension} numbers), not by"
                f" {model.name} ({model.dimension}); run `goat reindex --owner {owner}`, or set"
                f" GOAT_EMBEDDING_MODEL back to {made_by}",
            )
        return state

    async def catch_up(self, collection: str, writes: int) -> None:
        """Make the collection's first `writes` changes visible here, whichever process made them."""
        if self._seen.get(collection, writes) != writes:
            await self._vectors.catch_up(collection)
        self._seen[collection] = writes

    async def has_lost(self, owner: str, state: VectorState) -> bool:
        """Tell whether the owner's collection has fewer records than it should; then `run` makes it whole."""
        if await self._vectors.count(collection_name(owner, state)) >= state.parts:
            return False
        self.distrust(owner)
        return True

    def distrust(self, owner: str) -> None:
        """Check the owner's vectors again before the next run: a search found too few of them."""
        self._trusted.discard(owner)

    def report_ghosts(self, owner: str, turn_ids: Iterable[str]) -> None:
        """Have vectors deleted whose episodes are not in the log."""
        self._ghosts[owner].update(turn_ids)

    def forget(self, owner: str) -> None:
        """Drop what is remembered about the owner's vectors."""
        self._trusted.discard(owner)
        self._ghosts.pop(owner, None)

    async def _made_whole(self, owner: str, state: VectorState) -> VectorState:
        """Begin a collection when there is none, or another when vectors were lost; note missing maxima."""
        if state.collection is None or not await self._is_whole(owner, state):
            state = await self._begin(owner, state)
        self._trusted.add(owner)
        if state.parts and (state.maxima is None or state.null_turns != await self._nulls.name()):
            await self._measure_noise(owner, state)
        return state

    async def _is_whole(self, owner: str, state: VectorState) -> bool:
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

    async def _begin(self, owner: str, state: VectorState, *, afresh: bool = False) -> VectorState:
        model, former = self._embeddings.name, state.collection
        fresh = await self._ledger.begin(owner, model, instead_of=former, afresh=afresh)
        if state.collection is not None:
            try:
                await self._vectors.drop(collection_name(owner, state))
            except TierUnavailable as error:
                LOG.warning("the former vectors of %r are left behind: %s", owner, error)
        return fresh

    async def _measure_noise(self, owner: str, state: VectorState) -> None:
        """Hold the null turns against the whole archive, when they are new."""
        measure, name = await self._nulls.measure(), await self._nulls.name()
        await self._ledger.measure(owner, state.collection or "", name, measure)

    async def _forget_ghosts(self, owner: str, state: VectorState) -> None:
        ghosts = self._ghosts.pop(owner, set())
        known = {episode.turn_id for episode in await self._log.get(list(ghosts), owner=owner)}
        if gone := sorted(ghosts - known):
            await self._vectors.forget(collection_name(owner, state), gone)

    async def _index(self, owner: str, state: VectorState, some: Slice) -> VectorState:
        written = await self._embedded(owner, some)
        self.checked(owner, state)  # an endpoint tells the length of its vectors with the first
        searched = [(part, kept) for part, kept in written if part.number != kept_vectors.MESSAGE]
        parts = [part for part, _ in searched]
        vectors = [list(kept.vector) for _, kept in searched]
        dimension, name = len(written[0][1].vector), self._embeddings.name
        about: dict[str, str | int] = {"embedding_model": name, "dimension": dimension}
        await self._vectors.upsert(collection_name(owner, state), parts, vectors, about)
        by_turn = defaultdict(list)
        for part, kept in written:
            by_turn[part.turn_id].append(kept)
        known = replace(state, dimension=dimension, null_turns=await self._nulls.name())
        measure = await self._nulls.measure()
        maxima = measure([kept_vectors.to_parts((0, kept) for _, kept in searched)])
        marked = await self._ledger.mark(owner, known, by_turn, some.finished, maxima)
        alone = marked.writes == state.writes + 1
        self._seen[collection_name(owner, state)] = marked.writes if alone else state.writes
        return marked

    async def _embedded(self, owner: str, some: Slice) -> list[tuple[Part, KeptPart]]:
        """Embed the parts whose vectors are not kept beside the log."""
        kept = await self._ledger.kept(owner, {part.turn_id for part, _ in some.pairs})
        missing = [(part, text) for part, text in some.pairs if not _is_kept(part, kept)]
        vectors = await self._embeddings.aembed_documents([text for _, text in missing])
        likeness = await self._nulls.small_talk(vectors)
        for (part, _), vector, like in zip(missing, vectors, likeness, strict=True):
            made = KeptPart(part.number, part.start, part.end, like, kept_vectors.rounded(vector))
            kept[part.turn_id, part.number] = made
        return [(part, kept[part.turn_id, part.number]) for part, _ in some.pairs]


def _is_kept(part: Part, kept: Mapping[tuple[str, int], KeptPart]) -> bool:
    found = kept.get((part.turn_id, part.number))
    return found is not None and (found.first, found.last) == (part.start, part.end)


def collection_name(owner: str, state: VectorState) -> str:
    """Name the owner's collection."""
    return f"{owner_key(owner)}-{state.collection}"
