"""Run a benchmark: each archive is ingested as an owner of its own, and its queries recall from it."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from pydantic import SecretStr

from bot.importers.importer import Stage, import_episodes
from bot.lab.bench.episodes import as_episodes, asked_at, turn_id
from bot.lab.bench.neutral import Archive, Bench
from bot.lab.bench.outcome import Outcome, found, read_outcome
from bot.lab.bench.recaller import Recaller, open_recaller
from graph.layers import Layers, open_layers
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.state.turn_state import State
from memory.models import Episode


class Progress(Protocol):
    """Is told how far a run has come."""

    def embedded(self, count: int) -> None:
        """Note that so many more documents are in the archive."""
        ...

    def asked(self) -> None:
        """Note that one more query is done."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a benchmark came to."""

    outcomes: tuple[Outcome, ...]
    docs: int
    ingest_seconds: float
    embedding_model: str


@dataclass(frozen=True, slots=True)
class Ingested:
    """An archive that can be asked."""

    archive: Archive
    owner: str
    episodes: list[Episode]
    seconds: float


@asynccontextmanager
async def temporary_layers(settings: Settings) -> AsyncIterator[Layers]:
    """Open the layers over embedded stores in a folder that is deleted afterwards."""
    with TemporaryDirectory(prefix="goat-bench-", ignore_cleanup_errors=True) as folder:
        async with layers_in(Path(folder), settings) as layers:
            yield layers


@asynccontextmanager
async def layers_in(folder: Path, settings: Settings) -> AsyncIterator[Layers]:
    """Open the layers over embedded stores in `folder`.

    Nothing of the user's is read or written but the embedding model's files.
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
) -> Ran:
    """Ingest every archive and ask its first `limit` queries (all when None)."""
    recaller, outcomes, seconds = open_recaller(layers), list[Outcome](), 0.0
    for number, archive in enumerate(bench.archives, start=1):
        ingested = await ingest(layers, archive, f"bench-{number}", progress.embedded)
        seconds += ingested.seconds
        outcomes += await ask(recaller, ingested, context, limit=limit, on_asked=progress.asked)
    return Ran(
        outcomes=tuple(outcomes),
        docs=sum(len(archive.docs) for archive in bench.archives),
        ingest_seconds=seconds,
        embedding_model=layers.embeddings.name,
    )


async def ingest(
    layers: Layers, archive: Archive, owner: str, on_embedded: Callable[[int], None]
) -> Ingested:
    """Put an archive's documents into the archive of `owner`, and have its searches loaded."""
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
    return Ingested(archive, owner, episodes, spent)


async def ask(
    recaller: Recaller,
    ingested: Ingested,
    context: TurnContext,
    *,
    limit: int | None = None,
    on_asked: Callable[[], None] = lambda: None,
    ranked: Callable[[State], Sequence[str]] = found,
) -> Sequence[Outcome]:
    """Send an archive its queries, one after the other; `ranked` reads the ranking off a recall's state."""
    archive, owner = ingested.archive, ingested.owner
    docs = {turn_id(owner, number): doc for number, doc in enumerate(archive.docs)}
    own, outcomes = context.model_copy(update={"owner": owner}), []
    for number, query in enumerate(archive.queries[:limit]):
        at, asked_as = asked_at(query, ingested.episodes), f"{owner}:query:{number}"
        recalled = await recaller(query.text, turn_id=asked_as, at=at, context=own)
        outcomes.append(read_outcome(archive, query, recalled, docs, ranked=ranked(recalled.state)))
        on_asked()
    return outcomes
