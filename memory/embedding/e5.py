"""multilingual-e5-small on the local processor: 384 dimensions, about a hundred languages.

Of its threads one is for queries and two are for documents, so that no query waits behind an import.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from memory.embedding.centring import Centring, read_centring
from memory.embedding.embedding_model import TIER, Span, split_offsets
from memory.errors import DataFolderError, TierUnavailable

if TYPE_CHECKING:
    from memory.embedding.encoder import Encoder


DOCUMENTS = 2
"""Documents embedded at once. Two threads with a document each are faster than two threads sharing one."""
AHEAD = 1
"""Extra documents that a caller queues, so that no thread idles; other callers wait for these."""
LOWER = 5
"""Niceness of document threads. With it, they do not slow queries down."""

T = TypeVar("T")
R = TypeVar("R")

NAME = "multilingual-e5-small-q8-1-centred-1"
"""Name of the vectors in archives; graph 2 did not change it (cosine 0.995 with vectors of graph 1)."""
DIMENSION = 384
QUERY, PASSAGE = "query: ", "passage: "
PART = 480
"""Pieces: 30 less than the encoder's window, for the prefix and for words that a cut tokenises otherwise."""


class EmbeddingThreads:
    """Separate thread pools for queries and documents, started on first use."""

    def __init__(self) -> None:
        self._queries = ThreadPoolExecutor(1, thread_name_prefix="embed-query")
        self._documents = ThreadPoolExecutor(
            DOCUMENTS, thread_name_prefix="embed-documents", initializer=_lower_priority
        )

    async def query(self, work: Callable[[T], R], value: T) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._queries, work, value)

    async def documents(self, work: Callable[[T], R], values: Sequence[T]) -> list[R]:
        """Run `work` on each of `values` on the document threads; concurrent callers alternate."""
        loop, todo, results = asyncio.get_running_loop(), iter(enumerate(values)), dict[int, R]()

        async def run() -> None:
            for place, value in todo:
                results[place] = await loop.run_in_executor(self._documents, work, value)

        running = [asyncio.create_task(run()) for _ in range(min(DOCUMENTS + AHEAD, len(values)))]
        try:
            await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()
        return [results[place] for place in range(len(values))]

    def close(self) -> None:
        """Cancel queued work; running calls finish."""
        self._queries.shutdown(wait=False, cancel_futures=True)
        self._documents.shutdown(wait=False, cancel_futures=True)


def _lower_priority() -> None:
    if sys.platform == "linux":  # elsewhere niceness applies to the whole process
        os.nice(LOWER)


class E5Embeddings:
    """Embeddings of the bundled model: no download, and deterministic vectors.

    The vectors are centred, because e5's raw vectors are all similar; see `Centring`.

    Args:
        folder: where to keep the model's files.
        threads: processor threads for one text; no more than the machine has are used.
    """

    name = NAME
    dimension = DIMENSION
    remote = False

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self._folder = folder
        self._threads = max(1, min(threads, os.cpu_count() or 1))
        self._lock = threading.Lock()
        self._encoder: Encoder | None = None
        self._pools = EmbeddingThreads()

    def embed_query(self, text: str) -> list[float]:
        return self._centring.of_query(self._load()(QUERY + text))

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._embed_document(text) for text in texts]

    async def aembed_query(self, text: str) -> list[float]:
        """Embed a query on the query thread."""
        return await self._pools.query(self.embed_query, text)

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed documents in order, on the document threads."""
        return await self._pools.documents(self._embed_document, texts)

    def split_offsets(self, text: str) -> list[Span]:
        """Cover `text` with overlapping half-open spans that each fit the model's window."""
        if len(text) <= PART and text.isascii():
            return [(0, len(text))]
        return split_offsets(text, capacity=PART, measure=self._load().tokenizer.counts)

    async def ready(self) -> None:
        """Load the model; build it first if its files are missing."""
        await self._pools.query(lambda _: self._load(), None)

    async def aclose(self) -> None:
        """Stop embedding, and release the model until its next use; running calls finish."""
        self._pools.close()
        self._pools, self._encoder = EmbeddingThreads(), None

    def _embed_document(self, text: str) -> list[float]:
        return self._centring.of_passage(self._load()(PASSAGE + text))

    @cached_property
    def _centring(self) -> Centring:
        return read_centring()

    def _load(self) -> "Encoder":
        from memory.embedding import encoder  # noqa: PLC0415 - ONNX Runtime takes 0.2 s to import

        with self._lock:
            if self._encoder is None:
                try:
                    self._encoder = encoder.load_encoder(self._folder, threads=self._threads)
                except DataFolderError as error:
                    raise TierUnavailable(TIER, str(error)) from error
                except encoder.UNLOADABLE as error:
                    detail = f"the embedding model in {self._folder} cannot be loaded ({error})"
                    raise TierUnavailable(TIER, detail) from error
            return self._encoder
