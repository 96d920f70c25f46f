"""L3: the archive of episodes, verbatim in the log and searchable by vector."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path

from memory.concurrency.tasks import Background, wait_ended, wait_result
from memory.database import OwnerTables
from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic.episode_removal import remove_episodes
from memory.episodic.index.indexer import Indexer
from memory.episodic.index.ledger import VectorLedger
from memory.episodic.index.vector_state import collection_name
from memory.episodic.log.episode_log import EpisodeLog
from memory.episodic.search.dated_archive import DatedArchive
from memory.episodic.search.hits import Query
from memory.episodic.search.past_archive import PastArchive
from memory.episodic.search.searcher import Searcher
from memory.episodic.vectors.noise_floor import NullTurns
from memory.episodic.vectors.vector_backend import TIER
from memory.episodic.vectors.vector_index import VectorIndex
from memory.errors import MemoryTierError, TierUnavailable
from memory.recall.fusion_weights import BALANCED, FusionWeights
from memory.recall.mechanisms import Retriever
from memory.results import IndexProgress, SearchResult

LOG = logging.getLogger(__name__)
INDEX_WAIT = 0.15  # seconds that a search waits for an index run in this process
CLOSE_TIMEOUT = 5.0  # seconds that running index jobs get when the archive is closed
SEARCH_TIMEOUT = 30.0  # default timeout of a search, in seconds


class EpisodeArchive(EpisodeLog):
    """The log on an owner's file, searched with the help of a vector index.

    Args:
        files: the owners' files.
        vectors: the vector index.
        embeddings: the model.
        models: where to keep the null turns' vectors; None embeds them at each start.
    """

    def __init__(
        self,
        files: OwnerTables,
        vectors: VectorIndex,
        embeddings: EmbeddingModel,
        models: Path | None = None,
    ) -> None:
        super().__init__(files)
        self._ledger = VectorLedger(files, embeddings.name)
        self._vectors = vectors
        self._embeddings = embeddings
        self._background = Background()
        self._nulls = NullTurns(embeddings, self._background, models)
        self._indexer = Indexer(self, self._ledger, vectors, embeddings, self._nulls)
        self._searcher = Searcher(files, self._indexer, vectors, embeddings, self._nulls, self._background)
        self._closing = False

    async def ready(self, *, owner: str) -> None:
        """Load the model, the database and the owner's collection without waiting for remote services.

        Missing vectors are written in the background.
        """
        await asyncio.gather(self._model_ready(), self._vectors.ready())
        state = await self._ledger.state(owner)
        stored = state.parts > 0 and self._vectors.local
        lost = stored and await self._indexer.is_missing_vectors(owner, state)
        if state.pending or lost:
            self.index_soon(owner=owner)
        if stored and not lost and state.dimension:
            await self._vectors.search(collection_name(owner, state), [1.0] * state.dimension, 1)

    async def _model_ready(self) -> None:
        await self._embeddings.ready()
        if not self._embeddings.remote:
            await self._nulls.vectors()

    async def index(self, *, owner: str) -> int:
        """Embed the owner's pending episodes; return how many were indexed.

        Concurrent calls share one run, which continues when a caller is cancelled.

        Raises:
            EmbeddingMismatch: the owner's vectors were made by another embedding model.
        """
        while (running := self._background.running(owner)) is not None:
            await wait_ended(running)
        if self._closing:
            raise TierUnavailable(TIER, "the archive is being closed")
        return await wait_result(self._background.joined(owner, partial(self._index, owner)))

    def indexing(self, *, owner: str) -> AsyncGenerator[IndexProgress, None]:
        """Embed the owner's pending episodes and yield the progress; closing the generator stops the run.

        Messages are embedded before long replies.
        """
        return self._indexer.run(owner)

    def index_soon(self, *, owner: str) -> None:
        """Embed pending episodes in the background; a failure is logged, and the next run retries."""
        if not self._closing:
            soon = self._background.joined(object(), partial(self.index, owner=owner))
            soon.add_done_callback(_log_failure)

    async def wait_for_index(self, *, owner: str, seconds: float = INDEX_WAIT) -> None:
        """Wait until `index` has no run for the owner, at most `seconds`."""
        running = self._background.running(owner)
        if running is not None:
            await asyncio.wait([running], timeout=seconds)

    async def reindex(self, *, owner: str) -> AsyncGenerator[IndexProgress, None]:
        """Drop the model's vectors and embed every episode again; an interrupted run is continued.

        Vectors by another model stay, and processes with that model go on searching and adding to them.

        Raises:
            EmbeddingMismatch: there are vectors by two other models.
        """
        await self._indexer.begin_rebuilding(owner)
        async with aclosing(self._indexer.run(owner)) as run:
            async for progress in run:
                yield progress
        await self._ledger.end_rebuilding(owner)

    async def drop_others(self, *, owner: str) -> list[str]:
        """Delete the vectors by other models; return the models' names.

        Raises:
            EmbeddingMismatch: this model's are not built yet.
        """
        return await self._indexer.drop_others(owner)

    async def reconcile(self) -> AsyncGenerator[IndexProgress, None]:
        """Bring every owner's vectors up to date; yield errors instead of raising them.

        Yields to the event loop after every slice, and stops early when the archive is closed. Collections
        are not opened: records that one has lost are noticed by the owner's next turn.
        """
        collections: set[str] | None = None
        for owner in await self._files.owners():
            try:
                collections = await self._vectors.names() if collections is None else collections
                if await self._indexer.is_current(owner, collections):
                    continue
                async with aclosing(self._indexer.run(owner)) as run:
                    async for progress in run:
                        yield progress
                        await asyncio.sleep(0)
                        if self._closing:
                            return
            except MemoryTierError as error:
                yield IndexProgress(owner, 0, 0, error)

    def expect(self, query: str, *, owner: str, limit: int) -> None:
        """Start embedding `query` for the search that follows, unless it is cached or the model is remote."""
        self._searcher.expect(query, owner, limit)

    async def search(
        self,
        query: str,
        *,
        owner: str,
        limit: int,
        by: Sequence[Retriever] = (),
        weights: FusionWeights = BALANCED,
        seconds: float = SEARCH_TIMEOUT,
        reuse: bool = False,
    ) -> SearchResult:
        """Find at most `limit` episodes by meaning and words and by each mechanism, best first.

        Waits briefly for an index run in this process.
        """
        until = time.monotonic() + seconds
        await self.wait_for_index(owner=owner, seconds=min(INDEX_WAIT, seconds / 3))
        return await self._searcher(
            Query(
                text=query,
                owner=owner,
                limit=limit,
                by=by,
                weights=weights,
                until=until,
                reuse=reuse,
            )
        )

    def dated(self, *, owner: str) -> DatedArchive:
        """Return a copy of the owner's archive in which a message finds what was said before it."""
        return DatedArchive(self._files, self._embeddings, self._nulls, owner=owner)

    def past(self, *, owner: str) -> PastArchive:
        """Return a copy of the owner's archive in which earlier searches can be replayed."""
        return PastArchive(self._files, self._embeddings, self._nulls, owner=owner)

    async def remove(self, turn_ids: Sequence[str], *, owner: str) -> None:
        """Delete single episodes permanently, with their vectors; they cannot be appended again."""
        async with self._indexer.exclusive(owner):
            await self._files.write(owner, TIER, partial(remove_episodes, turn_ids=list(turn_ids)))
            await self._files.scrub(owner, TIER)
            for state in await self._ledger.states(owner):
                await self._vectors.forget(collection_name(owner, state), turn_ids)
        self.index_soon(owner=owner)

    async def erase(self, *, owner: str) -> None:
        async with self._indexer.exclusive(owner):
            for state in await self._ledger.states(owner):
                await self._vectors.drop(collection_name(owner, state))
            await super().erase(owner=owner)
            self._indexer.forget(owner)

    async def vacuum(self) -> str:
        """Remove deleted vectors from the database files; return the reason if that fails, else ""."""
        return await self._vectors.vacuum()

    async def close(self) -> None:
        """Stop indexing and close the vector index. The owner files stay open: the caller closes them."""
        if running := self._background.here():
            await asyncio.wait(running, timeout=CLOSE_TIMEOUT)
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
