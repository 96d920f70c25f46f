"""Benchmark runs: each archive becomes an owner, and its queries recall from it."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from pydantic import SecretStr

from bot.importers.importer import Stage, import_episodes
from bot.lab.bench.episodes import as_episodes, query_time, turn_id
from bot.lab.bench.neutral import Archive, Bench
from bot.lab.bench.outcome import Outcome, found_turns, read_outcome
from bot.lab.bench.recaller import Recaller, open_recaller
from graph.layers import Layers, open_layers
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.state.turn_state import State
from memory.models import Episode


class Progress(Protocol):
    """Receives the progress of a run."""

    def add_documents(self, count: int) -> None:
        """Add `count` embedded documents."""
        ...

    def add_query(self) -> None:
        """Add one completed query."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """Outcomes of a benchmark."""

    outcomes: tuple[Outcome, ...]
    docs: int
    ingest_seconds: float
    embedding_model: str


@dataclass(frozen=True, slots=True)
class IngestedArchive:
    """An archive that is ready for queries."""

    archive: Archive
    owner: str
    episodes: list[Episode]
    seconds: float


@asynccontextmanager
async def temporary_layers(settings: Settings) -> AsyncIterator[Layers]:
    """Open the layers over embedded stores in a temporary folder."""
    with TemporaryDirectory(prefix="goat-bench-", ignore_cleanup_errors=True) as folder:
        async with layers_in(Path(folder), settings) as layers:
            yield layers


@asynccontextmanager
async def layers_in(folder: Path, settings: Settings) -> AsyncIterator[Layers]:
    """Open the layers over embedded stores in `folder`.

    Of the user's data, only the embedding model's files are used.
    """
    models = settings.data_folder.resolve() / "models"
    if models.is_dir() and not (folder / "models").exists():
        (folder / "models").symlink_to(models)
    nothing = SecretStr("")
    own = settings.model_copy(update={"data_folder": folder, "chroma_url": nothing, "redis_url": nothing})
    async with open_layers(own) as layers:
        yield layers


async def run_bench(
    layers: Layers, bench: Bench, context: TurnContext, *, limit: int | None, progress: Progress
) -> BenchResult:
    """Ingest every archive and run its first `limit` queries (all when None)."""
    recaller, outcomes, seconds = open_recaller(layers), list[Outcome](), 0.0
    for number, archive in enumerate(bench.archives, start=1):
        ingested = await ingest(layers, archive, f"bench-{number}", progress.add_documents)
        seconds += ingested.seconds
        outcomes += await ask(recaller, ingested, context, limit=limit, on_asked=progress.add_query)
    return BenchResult(
        outcomes=tuple(outcomes),
        docs=sum(len(archive.docs) for archive in bench.archives),
        ingest_seconds=seconds,
        embedding_model=layers.embeddings.name,
    )


async def ingest(
    layers: Layers, archive: Archive, owner: str, on_embedded: Callable[[int], None]
) -> IngestedArchive:
    """Import an archive's documents for `owner`, and load its indexes."""
    episodes, done = as_episodes(archive, owner), 0

    def tell(now: int, _: int | None, stage: Stage) -> None:
        nonlocal done
        if stage is Stage.EMBEDDING:
            on_embedded(now - done)
            done = now

    began = time.perf_counter()
    await import_episodes(layers.episodes, episodes, owner=owner, on_progress=tell)
    spent = time.perf_counter() - began
    await layers.episodes.ready(owner=owner)
    return IngestedArchive(archive, owner, episodes, spent)


async def ask(
    recaller: Recaller,
    ingested: IngestedArchive,
    context: TurnContext,
    *,
    limit: int | None = None,
    on_asked: Callable[[], None] = lambda: None,
    ranked: Callable[[State], Sequence[str]] = found_turns,
) -> Sequence[Outcome]:
    """Run an archive's queries in order; `ranked` returns the ranking from a recall's state."""
    archive, owner = ingested.archive, ingested.owner
    docs = {turn_id(owner, number): doc for number, doc in enumerate(archive.docs)}
    own, outcomes = context.model_copy(update={"owner": owner}), []
    for number, query in enumerate(archive.queries[:limit]):
        at, asked_as = query_time(query, ingested.episodes), f"{owner}:query:{number}"
        recalled = await recaller(query.text, turn_id=asked_as, at=at, context=own)
        outcomes.append(read_outcome(archive, query, recalled, docs, ranked=ranked(recalled.state)))
        on_asked()
    return outcomes
