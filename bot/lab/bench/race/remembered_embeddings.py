"""An embedding model whose document vectors are cached between runs."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graph.layers import Layers
from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic.episode_archive import EpisodeArchive

Vectors = dict[str, NDArray[np.float32]]


class CachedEmbeddings:
    """Wraps a model and caches its document vectors in `known`; queries are always embedded."""

    def __init__(self, model: EmbeddingModel, known: Vectors) -> None:
        self._model = model
        self._known = known

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def remote(self) -> bool:
        return self._model.remote

    @property
    def dimension(self) -> int | None:
        return self._model.dimension

    def split_offsets(self, text: str) -> list[tuple[int, int]]:
        return self._model.split_offsets(text)

    async def aembed_query(self, text: str) -> list[float]:
        return await self._model.aembed_query(text)

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        new = [text for text in dict.fromkeys(texts) if self._key(text) not in self._known]
        for text, vector in zip(new, await self._model.aembed_documents(new) if new else [], strict=True):
            self._known[self._key(text)] = np.asarray(vector, np.float32)
        return [self._known[self._key(text)].tolist() for text in texts]

    async def ready(self) -> None:
        await self._model.ready()

    async def aclose(self) -> None:
        await self._model.aclose()

    def _key(self, text: str) -> str:
        return hashlib.sha256(f"{self.name}\0{text}".encode()).hexdigest()


@contextmanager
def vector_cache(file: Path | None) -> Iterator[Vectors]:
    """Yield the vectors in `file`, and save new ones at the end."""
    known: Vectors = {}
    if file is not None and file.is_file():
        with np.load(file) as stored:
            known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))
    before = len(known)
    try:
        yield known
    finally:
        if file is not None and len(known) > before:
            np.savez(file, keys=np.array(list(known)), vectors=np.stack(list(known.values())))


@contextmanager
def embeddings_cache(file: Path) -> Iterator[Callable[[EmbeddingModel], CachedEmbeddings]]:
    """Yield a function that makes a model cache its vectors in `file`, apart from other models'."""
    with vector_cache(file) as known:
        yield lambda model: CachedEmbeddings(model, known)


@contextmanager
def archive_cache(layers: Layers, file: Path | None) -> Iterator[None]:
    """Make the archive of `layers` cache its vectors, in `file` if given."""
    with vector_cache(file) as known:
        embeddings = CachedEmbeddings(layers.embeddings, known)
        layers.episodes = EpisodeArchive(layers.files, layers.vectors, embeddings)
        yield
