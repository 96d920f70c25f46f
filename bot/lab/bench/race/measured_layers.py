"""Layers to measure with: embedded stores that are thrown away, and vectors that are kept from run to run."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.lab.bench.bench_run import temporary_layers
from bot.lab.bench.race.remembered_embeddings import remembering
from graph.layers import Layers
from graph.settings.settings import Settings
from graph.stores import models_folder

VECTORS = "vectors.npz"


@asynccontextmanager
async def bench_layers(given: Settings, kept: Path) -> AsyncIterator[Layers]:
    """Open layers over temporary stores; of the user's, settings and model are read.

    Documents are embedded with all processors: nobody waits for a turn meanwhile.

    Args:
        given: what is configured.
        kept: a folder for the vectors of documents, which take the longest; made when it is not there.
    """
    threads = max(given.embedding_threads, os.cpu_count() or 1)
    settings = given.model_copy(update={"embedding_threads": threads})
    await asyncio.to_thread(_make, kept, models_folder(settings))
    async with temporary_layers(settings) as layers:
        with remembering(layers, kept / VECTORS):
            yield layers


def _make(kept: Path, models: Path) -> None:
    """Make the folders: without one for the model in the user's data folder, it would be built each time."""
    for folder in (kept, models):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
