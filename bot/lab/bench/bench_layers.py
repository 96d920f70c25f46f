"""Layers over temporary stores, with document vectors cached between runs.

Of the user's data, only the settings and the embedding model's files are read.
"""

import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from pydantic import SecretStr

from graph.layers import Layers, open_layers
from graph.settings.settings import Settings
from graph.stores import models_folder
from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic.episode_archive import EpisodeArchive

VECTORS = "vectors.npz"
_SERVERS = ("redis_url", "chroma_url", "archive_url", "letta_url")
Vectors = dict[str, NDArray[np.float32]]


def temporary_settings(settings: Settings, folder: Path, owner: str = "") -> Settings:
    """Return settings with embedded stores in `folder`, without a model; thresholds as configured."""
    models = models_folder(settings).resolve()
    for made in (folder, models):  # without the user's models, the model would be built each time
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / "models").exists():
        (folder / "models").symlink_to(models)
    nothing: dict[str, object] = dict.fromkeys(_SERVERS, SecretStr(""))
    changes = {"data_folder": folder, "owner": owner or settings.owner, "model": "", "otlp_endpoint": ""}
    return settings.model_copy(update=changes | nothing)


@asynccontextmanager
async def bench_layers(
    settings: Settings, kept: Path | None = None, *, stores: bool = False
) -> AsyncIterator[Layers]:
    """Open layers over temporary stores.

    With `kept`, a folder, document vectors are cached there, and with `stores` the stores as well; documents
    are then embedded with all processors, since no turn is waiting.
    """
    with TemporaryDirectory(prefix="goat-bench-", ignore_cleanup_errors=True) as temporary:
        if kept is None:
            async with open_layers(temporary_settings(settings, Path(temporary))) as layers:
                yield layers
            return
        own = temporary_settings(settings, kept if stores else Path(temporary))
        threads = max(settings.embedding_threads, os.cpu_count() or 1)
        async with open_layers(own.model_copy(update={"embedding_threads": threads})) as layers:
            with embeddings_cache(kept / VECTORS) as cached:
                layers.episodes = EpisodeArchive(layers.files, layers.vectors, cached(layers.embeddings))
                yield layers


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
def embeddings_cache(file: Path) -> Iterator[Callable[[EmbeddingModel], CachedEmbeddings]]:
    """Yield a function that makes a model cache its vectors in `file`, apart from other models'."""
    known: Vectors = {}
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if file.is_file():
        with np.load(file) as stored:
            known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))
    before = len(known)
    try:
        yield lambda model: CachedEmbeddings(model, known)
    finally:
        if len(known) > before:
            np.savez(file, keys=np.array(list(known)), vectors=np.stack(list(known.values())))
