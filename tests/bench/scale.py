"""Search in an archive that grows, beside a bare Chroma with the same vectors: `make bench-scale`."""

import argparse
import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import chromadb
import numpy as np
from chromadb.base_types import Metadata
from chromadb.config import Settings as ChromaSettings
from rich.console import Console
from rich.table import Table

from graph.layers import Layers, open_layers
from graph.settings.settings import Settings
from memory.episodic.episode_archive import EpisodeArchive
from tests.bench.archive import SEEDS, MixedEmbeddings, episodes
from tests.bench.corpus import messages, turns
from tests.bench.owners import cost, megabytes_of

SIZES = (1_000, 10_000, 100_000, 1_000_000)
OWNER = "bench"
_PAGE, _BATCH = 1_000, 500
"""Turns that are archived at once, and records that Chroma is given at once."""
_QUERIES, _WARM = 80, 10
_RESULTS = 15


@dataclass(frozen=True, slots=True)
class Measured:
    """What searches in one archive cost a process that has just begun."""

    first: float
    """Seconds from opening the stores to the first result, with a loaded embedding model."""
    p50: float
    """Milliseconds of a search, with the embedding of the query."""
    p95: float
    resident: int
    """Megabytes of memory."""
    disk: int
    """Megabytes of files."""


Search = Callable[[str], Awaitable[int]]


def grow(folder: Path, pages: range) -> None:
    """Archive pages of turns, with their vectors."""
    asyncio.run(_grow(folder, pages))


async def _grow(folder: Path, pages: range) -> None:
    async with _layers(folder) as layers:
        archive = EpisodeArchive(layers.files, layers.vectors, await _mixed(layers, folder))
        for page in pages:
            await archive.append_many(episodes(OWNER, _PAGE, page))
            await archive.index(owner=OWNER)
        await layers.episodes.search("What is new?", owner=OWNER, limit=1)  # embeds the null turns once
        await archive.close()


def grow_chroma(folder: Path, pages: range) -> None:
    """Store the same turns in a collection as Chroma makes it by default."""
    asyncio.run(_grow_chroma(folder, pages))


async def _grow_chroma(folder: Path, pages: range) -> None:
    collection = _collection(folder / "bare")
    async with _layers(folder) as layers:
        embeddings = await _mixed(layers, folder)
        for page in pages:
            found = iter(episodes(OWNER, _PAGE, page))
            while some := list(itertools.islice(found, _BATCH)):
                texts = [f"{one.message}\n{one.reply}" for one in some]
                vectors = np.asarray(await embeddings.aembed_documents(texts), np.float32)
                ids = [one.turn_id for one in some]
                about: list[Metadata] = [{"thread": one.thread} for one in some]
                collection.add(ids, vectors, about, texts)


def search(folder: Path) -> Measured:
    """Measure our search."""
    return asyncio.run(_search(folder))


async def _search(folder: Path) -> Measured:
    async with _layers(folder) as layers:
        await layers.embeddings.ready()

        async def ask(text: str) -> int:
            return len((await layers.episodes.search(text, owner=OWNER, limit=_RESULTS)).hits)

        return await _measured(ask, folder / "data")


def search_chroma(folder: Path) -> Measured:
    """Measure a query of the bare collection, with texts and metadata."""
    return asyncio.run(_search_chroma(folder))


async def _search_chroma(folder: Path) -> Measured:
    async with _layers(folder) as layers:
        await layers.embeddings.ready()
        opened = list[chromadb.Collection]()

        async def ask(text: str) -> int:
            vector = await layers.embeddings.aembed_query(text)
            collection = opened[0] if opened else _collection(folder / "bare")
            opened[:] = [collection]
            found = await asyncio.to_thread(
                collection.query, np.asarray([vector], np.float32), n_results=_RESULTS
            )
            return len(found["ids"][0])

        return await _measured(ask, folder / "bare")


async def _measured(ask: Search, stored: Path) -> Measured:
    spent = list[float]()
    for text in messages(_QUERIES + _WARM, seed=9):
        began = time.perf_counter()
        if not await ask(text):
            raise RuntimeError(f"Nothing was found for {text!r}.")
        spent.append(time.perf_counter() - began)
    p50, p95 = np.percentile(spent[_WARM:], (50, 95)) * 1000
    return Measured(
        spent[0], float(p50), float(p95), cost(1).megabytes, await asyncio.to_thread(megabytes_of, stored)
    )


@asynccontextmanager
async def _layers(folder: Path) -> AsyncIterator[Layers]:
    async with open_layers(Settings(data_folder=folder / "data", timezone="UTC")) as layers:
        yield layers


async def _mixed(layers: Layers, folder: Path) -> MixedEmbeddings:
    """Return the embeddings that mix from the vectors in a file, which the first call writes."""
    kept = folder / "seeds.npy"
    if not kept.exists():
        texts = [turn.text for turn in turns(SEEDS, seed=0)]
        np.save(kept, np.asarray(await layers.embeddings.aembed_documents(texts), np.float32))
    return MixedEmbeddings(layers.embeddings, list(np.load(kept)))


def _collection(folder: Path) -> chromadb.Collection:
    client = chromadb.PersistentClient(folder, settings=ChromaSettings(anonymized_telemetry=False))
    return client.get_or_create_collection("bare", embedding_function=None)


def table(found: Sequence[tuple[int, Measured, Measured]]) -> Table:
    """Return a row for each size and contestant."""
    drawn = Table("turns", "", "first, s", "p50, ms", "p95, ms", "memory, MB", "files, MB")
    for size, ours, bare in found:
        for name, one in (("GOAT", ours), ("bare Chroma", bare)):
            cells = (f"{one.first:.2f}", f"{one.p50:.0f}", f"{one.p95:.0f}", one.resident, one.disk)
            drawn.add_row(f"{size:,}", name, *map(str, cells))
    return drawn


def main() -> None:
    """Grow both archives from size to size, each step in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=max(SIZES), help="how many, at most")
    parser.add_argument("--folder", type=Path, help="where to put the archives, about 10 KB for each turn")
    options = parser.parse_args()
    console, found, done = Console(highlight=False), [], 0
    with (
        TemporaryDirectory(prefix="goat-bench-", dir=options.folder) as temporary,
        ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as own_process,
    ):
        folder = Path(temporary)
        for size in [size for size in SIZES if size <= options.turns]:
            pages, done = range(done, size // _PAGE), size // _PAGE
            for step in (grow, grow_chroma):
                with console.status(f"{size:,} turns: {step.__name__}"):
                    own_process.submit(step, folder, pages).result()
            ours, bare = (own_process.submit(step, folder).result() for step in (search, search_chroma))
            found.append((size, ours, bare))
            console.print(table(found[-1:]))
    console.print(table(found))


if __name__ == "__main__":
    main()
