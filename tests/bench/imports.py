"""Speed of an import, compared with embedding one text after another, and query times meanwhile."""

import asyncio
import time
from collections.abc import Iterator, Sequence
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

ROUNDS = 4
REPLIES = {"short exchanges (130 tokens)": 1, "long exchanges (1,100 tokens)": 24}
"""Number of short replies in a long one; a short exchange is as long as LoCoMo's."""
IN_ROUND = {1: 64, 24: 6}
PAUSE = 0.05
"""Seconds between two queries."""
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(slots=True)
class ImportSpeed:
    """Measurements with exchanges of one length; all but `count` in seconds."""

    kind: str
    count: int = 0
    stored: float = 0.0
    """Until all could be found by their words."""
    one_by_one: float = 0.0
    """Embedding all their texts, one after another."""
    embedded: float = 0.0
    """Embedding them as an import does, and writing the vectors."""
    said: float = 0.0
    """Until all of people's messages had vectors."""
    longest_pause: float = 0.0
    """Between two updates of the progress bar."""
    alone: list[float] = field(default_factory=list)
    """Embedding a query on an idle machine."""
    beside: list[float] = field(default_factory=list)
    """Embedding a query during the import."""

    def row(self) -> list[str]:
        """Return the cells of the table."""
        spent = (self.stored, self.said, self.one_by_one, self.embedded)
        waits = [f"{np.percentile(some, 50) * 1000:.1f}" for some in (self.alone, self.beside)]
        return [
            self.kind,
            *(f"{self.count / seconds:,.1f}" for seconds in spent),
            f"{self.longest_pause:.1f}",
            *waits,
        ]


async def measure_imports(layers: Layers) -> list[ImportSpeed]:
    """Import short and long exchanges; both ways of embedding alternate, on the same machine."""
    await store_episodes(
        layers.episodes, [_episode("imports", 0, turns(2, seed=10))], on_progress=lambda *_: None
    )
    await layers.episodes.index(owner="imports")
    speeds = []
    for kind, replies in REPLIES.items():
        speeds.append(speed := ImportSpeed(kind))
        said = iter(turns(ROUNDS * IN_ROUND[replies] * (replies + 1), seed=11))
        for number in range(ROUNDS):
            owner = f"imports {replies} {number}"
            await _round(layers, speed, owner, list(_episodes(said, owner, replies, IN_ROUND[replies])))
    return speeds


async def _round(layers: Layers, speed: ImportSpeed, owner: str, episodes: Sequence[Episode]) -> None:
    speed.count += len(episodes)
    began = time.perf_counter()
    for episode in episodes:
        for text in (episode.message, *_windows(layers, episode.text)):
            await layers.embeddings.aembed_documents([text])
    speed.one_by_one += time.perf_counter() - began
    speed.alone += [await _query(layers, text) for text in messages(4, seed=12)]
    began = time.perf_counter()
    await store_episodes(layers.episodes, episodes, on_progress=lambda *_: None)
    speed.stored += time.perf_counter() - began
    asking = asyncio.create_task(_ask(layers, speed.beside))
    await _import(layers, speed, owner, len(episodes))
    asking.cancel()


async def _import(layers: Layers, speed: ImportSpeed, owner: str, count: int) -> None:
    began = last = time.perf_counter()
    said = 0.0

    def moved(done: int, total: int | None, stage: Stage) -> None:
        nonlocal last, said
        now = time.perf_counter()
        speed.longest_pause = max(speed.longest_pause, now - last)
        last = now
        if not said and (done, stage) == (total, Stage.EMBEDDING):
            said = now - began

    await embed_episodes(layers.episodes, owner=owner, imported=count, on_progress=moved)
    speed.embedded += time.perf_counter() - began
    speed.said += said


def _windows(layers: Layers, text: str) -> list[str]:
    return [text[start:end] for start, end in layers.embeddings.split_offsets(text)]


async def _ask(layers: Layers, waited: list[float]) -> None:
    for text in messages(10_000, seed=13):
        await asyncio.sleep(PAUSE)
        waited.append(await _query(layers, text))


async def _query(layers: Layers, text: str) -> float:
    began = time.perf_counter()
    await layers.embeddings.aembed_query(text)
    return time.perf_counter() - began


def _episodes(said: Iterator[TurnText], owner: str, replies: int, count: int) -> Iterator[Episode]:
    for number in range(count):
        yield _episode(owner, number, list(islice(said, replies + 1)))


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
    for column in ("stored", "said", "one by one", "imported", "pause, s", "query alone, ms", "beside, ms"):
        table.add_column(column, justify="right")
    for speed in speeds:
        table.add_row(*speed.row())
    console.print(table)
    console.print(
        "stored: found by their words. said: what people said has vectors. one by one: every text embedded by"
        " itself. imported: all vectors made and written. pause: the longest time that the bar did"
        " not move. beside: a query's embedding during the import, p50.",
        style="dim",
        highlight=False,
    )
