"""Speed of an import, and query times meanwhile."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
from rich.console import Console
from rich.table import Table

from bot.importers.importer import Stage, embed_episodes, store_episodes
from graph.layers import Layers
from memory.models import Episode
from tests.bench.corpus import TurnText, messages, turns

REPLIES = {"short exchanges (130 tokens)": 1, "long exchanges (1,100 tokens)": 24}
"""Number of short replies in a long one; a short exchange is as long as LoCoMo's."""
COUNTS = {1: 256, 24: 24}
"""Number of imported exchanges."""
PAUSE = 0.05
"""Seconds between two queries."""
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(slots=True)
class ImportSpeed:
    """Measurements with exchanges of one length, in seconds."""

    kind: str
    count: int
    stored: float = 0.0
    """Until all could be found by their words."""
    said: float = 0.0
    """Until all of people's messages had vectors, after they were stored."""
    embedded: float = 0.0
    """Until all had vectors, after they were stored."""
    queries: list[float] = field(default_factory=list)
    """Embedding a query meanwhile."""


async def measure_imports(layers: Layers) -> list[ImportSpeed]:
    """Import short and long exchanges."""
    first = _episode("imports", 0, turns(2, seed=10))  # loads what the first import needs
    await store_episodes(layers.episodes, [first], on_progress=lambda *_: None)
    speeds = []
    for kind, replies in REPLIES.items():
        owner, count = f"imports {replies}", COUNTS[replies]
        said = iter(turns(count * (replies + 1), seed=11))
        episodes = [_episode(owner, number, list(islice(said, replies + 1))) for number in range(count)]
        await layers.episodes.ready(owner=owner)
        speed = ImportSpeed(kind, count)
        began = time.perf_counter()
        await store_episodes(layers.episodes, episodes, on_progress=lambda *_: None)
        speed.stored = time.perf_counter() - began
        asking = asyncio.create_task(_ask(layers, speed.queries))
        await _embed(layers, speed, owner)
        asking.cancel()
        speeds.append(speed)
    return speeds


async def _embed(layers: Layers, speed: ImportSpeed, owner: str) -> None:
    began = time.perf_counter()

    def moved(done: int, total: int | None, stage: Stage) -> None:
        if not speed.said and (done, stage) == (total, Stage.EMBEDDING):
            speed.said = time.perf_counter() - began

    await embed_episodes(layers.episodes, owner=owner, imported=speed.count, on_progress=moved)
    speed.embedded = time.perf_counter() - began


async def _ask(layers: Layers, waited: list[float]) -> None:
    for text in messages(10_000, seed=13):
        await asyncio.sleep(PAUSE)
        began = time.perf_counter()
        await layers.embeddings.aembed_query(text)
        waited.append(time.perf_counter() - began)


def _episode(owner: str, number: int, said: Sequence[TurnText]) -> Episode:
    return Episode(
        turn_id=f"{owner}-{number}",
        owner=owner,
        thread=owner,
        message=f"{said[0].message} {said[1].message}",
        reply="\n".join(turn.reply for turn in said[1:]),
        at=NOON + timedelta(minutes=number),
    )


def print_imports(speeds: Sequence[ImportSpeed], console: Console) -> None:
    """Print the measurements."""
    table = Table("", title="Imports, exchanges a second")
    for column in ("found by words", "messages embedded", "all embedded", "a query meanwhile, ms"):
        table.add_column(column, justify="right")
    for one in speeds:
        rates = (f"{one.count / seconds:,.1f}" for seconds in (one.stored, one.said, one.embedded))
        table.add_row(one.kind, *rates, f"{np.percentile(one.queries, 50) * 1000:.1f}")
    console.print(table)
