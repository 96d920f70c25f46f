"""Layers for measurements: temporary stores, and document vectors cached between runs."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.lab.bench.bench_run import temporary_layers
from bot.lab.bench.race.remembered_embeddings import archive_cache
from graph.layers import Layers
from graph.settings.settings import Settings
from graph.stores import models_folder

VECTORS = "vectors.npz"


@asynccontextmanager
async def bench_layers(given: Settings, kept: Path) -> AsyncIterator[Layers]:
    """Open layers over temporary stores; only the user's settings and embedding model are read.

    Documents are embedded with all processors, since no turn is waiting.

    Args:
        given: the configured settings.
        kept: folder of cached document vectors, which take the longest; created if missing.
    """
    threads = max(given.embedding_threads, os.cpu_count() or 1)
    settings = given.model_copy(update={"embedding_threads": threads})
    await asyncio.to_thread(_make, kept, models_folder(settings))
    async with temporary_layers(settings) as layers:
        with archive_cache(layers, kept / VECTORS):
            yield layers


def _make(kept: Path, models: Path) -> None:
    """Create the folders; without the user's models folder, the model would be built in every run."""
    for folder in (kept, models):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
