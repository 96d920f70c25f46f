"""Run contestants over the same archives, each archive indexed once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.bench.neutral import Bench
from bot.bench.outcome import Outcome
from bot.bench.recalling import open_recaller
from bot.bench.running import ask, ingest
from graph.context import TurnContext
from graph.layers import Layers
from tests.bench.recall.contestants import Contestant


@dataclass(frozen=True, slots=True)
class Race:
    """What every contestant came to on one benchmark."""

    name: str
    docs: int
    ingest_seconds: float
    """Next to nothing when the archives stood there already."""
    outcomes: dict[str, list[Outcome]]
    """By contestant."""


async def race(
    layers: Layers,
    bench: Bench,
    contestants: Sequence[Contestant],
    *,
    on_embedded: Callable[[int], None],
    on_asked: Callable[[], None],
) -> Race:
    """Ingest every archive once, and have every contestant answer its queries."""
    recaller, given, seconds = open_recaller(layers), TurnContext(), 0.0
    outcomes: dict[str, list[Outcome]] = {contestant.name: [] for contestant in contestants}
    for archive in bench.archives:
        ingested = await ingest(layers, archive, f"{bench.name} {archive.id}", on_embedded)
        seconds += ingested.seconds
        for contestant in contestants:
            outcomes[contestant.name] += await ask(
                recaller,
                ingested,
                contestant.context(given),
                on_asked=on_asked,
                ranked=contestant.ranked,
            )
    return Race(bench.name, sum(len(archive.docs) for archive in bench.archives), seconds, outcomes)
