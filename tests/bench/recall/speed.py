"""Speed of recall and of ingestion, on archives of any size."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from rich.console import Console
from rich.table import Table

from bot.lab.bench.bench_run import Recaller, ingest, open_recaller
from bot.lab.bench.neutral import BenchArchive, Doc
from bot.lab.bench.race import Contestant
from graph.layers import Layers
from graph.settings.context import TurnContext
from tests.bench.archive import SEEDS, MixedEmbeddings, fill
from tests.bench.corpus import messages, turns

SIZES, LARGE = (1_000, 10_000), (100_000,)
ASKED = 60
WARM_UP = 5
"""Warm-up searches."""
EMBEDDED = 256
"""Turns that are ingested with their embeddings, timed."""
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

OnProgress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Measurements on one archive."""

    turns: int
    turns_per_second: float
    """Without embedding them."""
    milliseconds: dict[str, tuple[float, float]]
    """Median and 95th percentile of a recall, by contestant."""


async def embedding_rate(layers: Layers) -> float:
    """Return how many invented turns per second are ingested, embedded one by one."""
    told = [
        Doc(id=f"{number}", text=f"user: {one.message}\nassistant: {one.reply}")
        for number, one in enumerate(turns(EMBEDDED, seed=1))
    ]
    ingested = await ingest(layers, BenchArchive(id="rate", docs=tuple(told), queries=()), "rate")
    return EMBEDDED / ingested.seconds


async def learned(layers: Layers, on_progress: OnProgress) -> MixedEmbeddings:
    """Embed the turns from which all other vectors are mixed."""
    embeddings = MixedEmbeddings(layers.embeddings)
    async for done in embeddings.learn(turns(SEEDS, seed=0)):
        on_progress(done)
    return embeddings


async def speed(
    layers: Layers,
    embeddings: MixedEmbeddings,
    size: int,
    contestants: Sequence[Contestant],
    on_progress: OnProgress,
) -> Speed:
    """Fill an archive of `size` turns, and time each contestant's recall from it."""
    owner, done = f"speed {size}", 0
    began = time.perf_counter()
    async for some in fill(layers, embeddings, owner, size):
        done += some
        on_progress(some)
    rate = done / (time.perf_counter() - began)
    await layers.episodes.ready(owner=owner)
    recaller = open_recaller(layers)
    times = {
        contestant.name: await _times(recaller, contestant.context.model_copy(update={"owner": owner}))
        for contestant in contestants
    }
    return Speed(turns=size, turns_per_second=rate, milliseconds=times)


async def _times(recaller: Recaller, context: TurnContext) -> tuple[float, float]:
    spent = []
    for number, text in enumerate(messages(WARM_UP + ASKED, seed=3)):
        recalled = await recaller(text, turn_id=f"asked-{number}", at=NOON, context=context)
        spent.append(recalled.milliseconds)
    p50, p95 = np.percentile(spent[WARM_UP:], (50, 95))
    return float(p50), float(p95)


def print_speed(speeds: Sequence[Speed], embedded_per_second: float, console: Console) -> None:
    """Print the speed of recall and of ingestion."""
    table = Table("turns", title="A recall, in milliseconds: p50 / p95")
    for name in speeds[0].milliseconds:
        table.add_column(name, justify="right")
    table.add_column("ingested/s", justify="right")
    for one in speeds:
        times = (f"{p50:.1f} / {p95:.1f}" for p50, p95 in one.milliseconds.values())
        table.add_row(f"{one.turns:,}", *times, f"{one.turns_per_second:,.0f}")
    console.print(table, f"Ingested without embedding; with it {embedded_per_second:,.1f} turns a second.")
