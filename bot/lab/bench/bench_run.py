"""Runs of a benchmark: each archive becomes an owner, and its queries recall from it."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

from bot.importers.importer import Stage, import_episodes
from bot.lab.bench.episodes import as_episodes, query_time
from bot.lab.bench.neutral import Archive, Doc, Query
from bot.lab.bench.recaller import RecallResult, open_recaller
from graph.layers import Layers
from graph.settings.context import TurnContext
from memory.models import Episode

UNHURRIED = {"prefetch_timeout": 30, "cache_ttl": 0}
"""No search times out on a busy machine, which would say nothing about how well it finds, and no message uses
another's cached results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestedArchive:
    """An archive that is ready for queries."""

    archive: Archive
    owner: str
    episodes: Sequence[Episode]
    seconds: float

    @property
    def docs(self) -> dict[str, Doc]:
        """The documents by turn id."""
        return dict(zip((episode.turn_id for episode in self.episodes), self.archive.docs, strict=True))

    def gold(self, query: Query) -> frozenset[str]:
        """Return the turn ids of the documents, or of the sessions' documents, that answer a query."""
        gold = set[str | None]() if query.irrelevant else {*query.gold}
        return frozenset(turn_id for turn_id, doc in self.docs.items() if {doc.id, doc.session} & gold)

    def with_queries(self, queries: Sequence[Query]) -> "IngestedArchive":
        """Return the same archive with other queries."""
        return replace(self, archive=self.archive.model_copy(update={"queries": tuple(queries)}))


def ignore(_: int) -> None:
    """Ignore the progress."""


async def ingest(
    layers: Layers, archive: Archive, owner: str, on_embedded: Callable[[int], None] = ignore
) -> IngestedArchive:
    """Import an archive's documents for `owner`, and load its indexes."""
    episodes = as_episodes(archive, owner)
    seconds = await ingest_episodes(layers, episodes, owner, on_embedded)
    return IngestedArchive(archive=archive, owner=owner, episodes=episodes, seconds=seconds)


async def ingest_episodes(
    layers: Layers, episodes: Sequence[Episode], owner: str, on_embedded: Callable[[int], None] = ignore
) -> float:
    """Import episodes of `owner`, and load its indexes; return the seconds of the import."""
    done = 0

    def tell(now: int, _: int | None, stage: Stage) -> None:
        nonlocal done
        if stage is Stage.EMBEDDING:
            on_embedded(now - done)
            done = now

    began = time.perf_counter()
    await import_episodes(layers.episodes, episodes, owner=owner, on_progress=tell)
    spent = time.perf_counter() - began
    await layers.episodes.ready(owner=owner)
    return spent


async def ask(
    layers: Layers, ingested: IngestedArchive, context: TurnContext
) -> AsyncIterator[tuple[Query, RecallResult]]:
    """Recall for each of an archive's queries, in order."""
    recaller, own = open_recaller(layers), context.model_copy(update={"owner": ingested.owner})
    for number, query in enumerate(ingested.archive.queries):
        at, turn_id = query_time(query, ingested.episodes), f"{ingested.owner}:query:{number}"
        yield query, await recaller(query.text, turn_id=turn_id, at=at, context=own)
