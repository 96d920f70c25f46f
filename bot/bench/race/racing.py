"""Run contestants over the same archives, each archive indexed once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.bench.neutral import Archive, Bench
from bot.bench.outcome import Outcome
from bot.bench.race.contestants import Contestant
from bot.bench.recalling import open_recaller
from bot.bench.running import ask, ingest
from graph.context import TurnContext
from graph.layers import Layers


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """What every contestant came to on one benchmark."""

    name: str
    docs: int
    conversations: int
    ingest_seconds: float
    """Next to nothing when the archives stood there already."""
    outcomes: dict[str, list[Outcome]]
    """By contestant."""


async def race(
    layers: Layers,
    bench: Bench,
    contestants: Sequence[Contestant],
    *,
    on_embedded: Callable[[int], None] = lambda _: None,
    on_asked: Callable[[], None] = lambda: None,
) -> Race:
    """Ingest every archive once, and have every contestant answer its queries."""
    recaller, given, seconds = open_recaller(layers), TurnContext(), 0.0
    outcomes: dict[str, list[Outcome]] = {contestant.name: [] for contestant in contestants}
    for archive in bench.archives:
        ingested = await ingest(layers, archive, f"{bench.name} {archive.id}", on_embedded)
        relevant = replace(ingested, archive=_relevant(archive))
        seconds += ingested.seconds
        for contestant in contestants:
            outcomes[contestant.name] += await ask(
                recaller,
                ingested if contestant.decides else relevant,
                contestant.context(given),
                on_asked=on_asked,
                ranked=contestant.ranked,
            )
    return Race(
        name=bench.name,
        docs=sum(len(archive.docs) for archive in bench.archives),
        conversations=len(bench.archives),
        ingest_seconds=seconds,
        outcomes=outcomes,
    )


def _relevant(archive: Archive) -> Archive:
    """Return the archive with the queries that it answers."""
    queries = tuple(query for query in archive.queries if not query.irrelevant)
    return archive.model_copy(update={"queries": queries})
