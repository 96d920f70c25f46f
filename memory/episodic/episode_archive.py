"""L3: the archive of episodes, verbatim in the log and findable by its vectors."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from pathlib import Path

from memory.concurrency.background import Background, outcome, over
from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic.index.indexer import Indexer, collection_name
from memory.episodic.index.ledger import VectorLedger
from memory.episodic.log.episode_log import EpisodeLog
from memory.episodic.search.past_archive import PastArchive
from memory.episodic.search.searcher import Query, Searcher
from memory.episodic.vectors.noise_floor import NullTurns
from memory.episodic.vectors.vector_backend import TIER
from memory.episodic.vectors.vectors import VectorIndex
from memory.errors import MemoryTierError, TierUnavailable
from memory.models import IndexProgress, SearchResult
from memory.owners.owner_files import OwnerFiles
from memory.recall.fusion_weights import BALANCED, FusionWeights

LOG = logging.getLogger(__name__)
SETTLING = 0.15  # seconds that a search waits for vectors that are just being written
CLOSING = 5.0  # seconds that they have when the archive is closed
PATIENCE = 30.0  # seconds that a search has when nobody waits


class EpisodeArchive(EpisodeLog):
    """`EpisodeStore`: the log on an owner's file, searched with the help of a vector index.

    Args:
        files: the owners' files.
        vectors: the vector index.
        embeddings: the model.
        models: where to keep what is derived from the model alone; None derives it at each start.
    """

    def __init__(
        self,
        files: OwnerFiles,
        vectors: VectorIndex,
        embeddings: EmbeddingModel,
        models: Path | None = None,
    ) -> None:
        super().__init__(files)
        self._ledger = VectorLedger(files)
        self._vectors = vectors
        self._embeddings = embeddings
        self._background = Background()
        self._nulls = NullTurns(embeddings, self._background, models)
        self._indexer = Indexer(self, self._ledger, vectors, embeddings, self._nulls)
        self._searcher = Searcher(files, self._indexer, vectors, embeddings, self._nulls, self._background)
        self._closing = False

    async def ready(self, *, owner: str) -> None:
        """Load model and database, and the owner's part of it; nothing that is remote is waited for.

        Vectors that are missing are made in the background.
        """
        await asyncio.gather(self._model_ready(), self._vectors.ready())
        state = await self._ledger.state(owner)
        stored = state.parts > 0 and self._vectors.local
        lost = stored and await self._indexer.has_lost(owner, state)
        if state.pending or lost:
            self.index_soon(owner=owner)
        if stored and not lost and state.dimension:
            await self._vectors.search(collection_name(owner, state), [1.0] * state.dimension, 1)

    async def _model_ready(self) -> None:
        await self._embeddings.ready()
        if not self._embeddings.remote:
            await self._nulls.vectors()

    async def index(self, *, owner: str) -> int:
        """Embed what waits in the log; return how many episodes were indexed.

        Goes on in the background when whoever waits for it is cancelled; calls at once share the work.
        """
        while (running := self._background.running(owner)) is not None:
            await over(running)
        if self._closing:
            raise TierUnavailable(TIER, "the archive is being closed")
        return await outcome(self._background.joined(owner, partial(self._index, owner)))

    def indexing(self, *, owner: str) -> AsyncGenerator[IndexProgress, None]:
        """Embed what waits in the log, telling how far it has come; closing it ends it."""
        return self._indexer.run(owner)

    def index_soon(self, *, owner: str) -> None:
        """Embed what waits in the log, behind the caller's back; a failure is logged, and made good later."""
        if not self._closing:
            soon = self._background.joined(object(), partial(self.index, owner=owner))
            soon.add_done_callback(_log_failure)

    async def settled(self, *, owner: str, seconds: float = SETTLING) -> None:
        """Wait until nothing of the owner is being indexed by `index`, or the time is over."""
        running = self._background.running(owner)
        if running is not None:
            await asyncio.wait([running], timeout=seconds)

    async def reindex(self, *, owner: str) -> AsyncGenerator[IndexProgress, None]:
        """Drop the owner's vectors and embed everything anew, as after a change of the model."""
        await self._indexer.begin_anew(owner)
        async with aclosing(self._indexer.run(owner)) as run:
            async for progress in run:
                yield progress

    async def reconcile(self) -> AsyncGenerator[IndexProgress, None]:
        """Bring the vectors of every owner up to date; what fails is told of, not raised.

        Lets searches in after every slice, and ends early when the archive is closed.
        """
        for owner in await self._files.owners():
            try:
                async with aclosing(self._indexer.run(owner)) as run:
                    async for progress in run:
                        yield progress
                        await asyncio.sleep(0)
                        if self._closing:
                            return
            except MemoryTierError as error:
                yield IndexProgress(owner, 0, 0, error)

    def expect(self, query: str, *, owner: str, limit: int) -> None:
        """Begin to embed what is searched for at once, unless its vector is known, or asked for elsewhere."""
        self._searcher.expect(query, owner, limit)

    async def search(  # noqa: PLR0913 - a search has many sides, each with a name
        self,
        query: str,
        *,
        owner: str,
        limit: int,
        keys: Sequence[str] = (),
        times: tuple[datetime, datetime] | None = None,
        weights: FusionWeights = BALANCED,
        seconds: float = PATIENCE,
        reuse: bool = False,
    ) -> SearchResult:
        """Find at most `limit` episodes each by meaning and words, in `times`, and by `keys`, best first.

        Vectors that this process is just writing are waited for, not for long.
        """
        until = time.monotonic() + seconds
        await self.settled(owner=owner, seconds=min(SETTLING, seconds / 3))
        return await self._searcher(
            Query(
                text=query,
                owner=owner,
                limit=limit,
                keys=keys,
                times=times,
                weights=weights,
                until=until,
                reuse=reuse,
            )
        )

    def past(self, *, owner: str) -> PastArchive:
        """Return the owner's archive as earlier searches saw it."""
        return PastArchive(self._files, self._embeddings, self._nulls, owner=owner)

    async def erase(self, *, owner: str) -> None:
        """Delete all episodes and vectors of the owner, for good."""
        async with self._indexer.alone(owner):
            state = await self._ledger.state(owner)
            if state.collection is not None:
                await self._vectors.drop(collection_name(owner, state))
            await super().erase(owner=owner)
            self._indexer.forget(owner)

    async def vacuum(self) -> str:
        """Have nothing in the vectors' files of what was erased; return why that cannot be."""
        return await self._vectors.vacuum()

    async def close(self) -> None:
        """End indexing, soon, and close the vectors; the files belong to whoever opened them."""
        if running := self._background.here():
            await asyncio.wait(running, timeout=CLOSING)
        self._closing = True
        try:
            await self._searcher.steps.end()
            await self._background.end()
            await self._vectors.close()
        finally:
            self._closing = False

    async def _index(self, owner: str) -> int:
        return max([progress.done async for progress in self._indexer.run(owner)], default=0)


def _log_failure(indexing: "asyncio.Future[int]") -> None:
    if not indexing.cancelled() and (error := indexing.exception()) is not None:
        LOG.warning("The vectors of the latest turns are not written yet: %s", error)
