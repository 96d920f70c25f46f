"""multilingual-e5-small on the local processor: 384 dimensions, about a hundred languages."""

import os
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from memory.embedding.centring import Centring, read_centring
from memory.embedding.embedding_model import TIER
from memory.embedding.embedding_threads import EmbeddingThreads
from memory.embedding.text_windows import Span, split_offsets
from memory.errors import DataFolderError, TierUnavailable

if TYPE_CHECKING:
    from memory.embedding.encoder import Encoder

NAME = "multilingual-e5-small-q8-1-centred-1"
"""Name of the vectors in archives; graph 2 did not change it (cosine 0.995 with vectors of graph 1)."""
DIMENSION = 384
QUERY, PASSAGE = "query: ", "passage: "
PART = 480
"""Pieces: 30 less than the encoder's window, for the prefix and for words that a cut tokenises otherwise."""


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
        """Stop embedding, and let go of the model until its next use; what runs ends by itself."""
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
