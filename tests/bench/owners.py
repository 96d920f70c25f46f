"""What a process that serves many owners takes to start, to hold and to answer: `make bench-owners`."""

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import bot.telegram.process.application  # noqa: F401 - a bot holds it in memory
from graph.app import open_agent
from graph.layers import open_layers
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.state.circumstances import thread_id
from memory.embedding.e5 import DIMENSION
from memory.episodic.episode_archive import EpisodeArchive
from tests.bench.archive import SEEDS, MixedEmbeddings, episodes
from tests.bench.corpus import messages, turns
from tests.bench.probes import ScriptedModel

TURNS = 100
"""Archived turns of each owner."""
COUNTS = (1, 100, 1_000)
"""Owners who have talked when resources are counted."""
HOT, IDLE = 40, 100
"""Timed turns of one owner, and of owners who have not talked since the start."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Resources of the process after turns of this many owners."""

    owners: int
    threads: int
    files: int
    megabytes: int
    """Resident memory."""


@dataclass(frozen=True, slots=True)
class Served:
    """How long people wait, and what their data takes."""

    start: float
    """Seconds until the agent is open and an owner's first turn can begin."""
    reconciled: float
    """Seconds until the vectors of all owners are checked, which happens in the background."""
    turns: Mapping[str, tuple[float, float]]
    """Median and 95th percentile, in milliseconds."""
    disk: int
    """Megabytes of files."""


async def fill(folder: Path, owners: int) -> None:
    """Archive the turns of every owner, with vectors."""
    async with open_layers(Settings(data_folder=folder, timezone="UTC")) as layers:
        chance = np.random.default_rng(0)
        seeds = chance.standard_normal((SEEDS, DIMENSION), np.float32) / DIMENSION**0.5
        embeddings = MixedEmbeddings(layers.embeddings, list(seeds))
        archive = EpisodeArchive(layers.files, layers.vectors, embeddings)
        for number in track(range(owners), "archiving", console=Console(stderr=True)):
            await archive.append_many(episodes(owner_of(number), TURNS))
            await archive.index(owner=owner_of(number))
        await archive.close()


def owner_of(number: int) -> str:
    """Name an owner."""
    return f"bench owner {number}"


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Agent]:
    """Open the agent with a model that takes no time."""
    async with open_agent(Settings(data_folder=folder, timezone="UTC")) as agent:
        agent.layers.model = ScriptedModel([turn.reply for turn in turns(200, seed=1)])
        await agent.layers.warm_up(owner_of(0))
        yield agent


async def ask(agent: Agent, owner: str, message: str) -> float:
    """Run a turn, and wait for its vectors; return the milliseconds of the turn."""
    began = time.perf_counter()
    await agent.ask(message, owner=owner, thread=thread_id("bench", owner))
    spent = (time.perf_counter() - began) * 1000
    await agent.layers.episodes.wait_for_index(owner=owner, seconds=30)
    return spent


def cost(owners: int) -> Cost:
    """Count this process's resources."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    resident = int(status["VmRSS"].split()[0]) // 1024
    return Cost(owners, int(status["Threads"]), sum(1 for _ in Path("/proc/self/fd").iterdir()), resident)


async def hot_turns(agent: Agent, others: Sequence[str]) -> tuple[float, float]:
    """Time the turns of one owner, each after one of another owner; return median and 95th percentile."""
    spent = []
    for number, message in enumerate(messages(HOT, seed=5)):
        if others:
            await ask(agent, others[number % len(others)], message)
        spent.append(await ask(agent, owner_of(0), message))
    return _spread(spent[HOT // 8 :])


async def first_turns(agent: Agent, owners: Sequence[str]) -> tuple[float, float]:
    """Time one turn of each owner."""
    asked = zip(owners, messages(len(owners), seed=7), strict=True)
    return _spread([await ask(agent, owner, message) for owner, message in asked])


def _spread(spent: Sequence[float]) -> tuple[float, float]:
    p50, p95 = np.percentile(spent, (50, 95))
    return float(p50), float(p95)


async def measure(folder: Path, owners: int) -> tuple[list[Cost], Served]:
    """Run a turn of many owners, eight at once, and count in between; then turns one at a time."""
    counts = sorted({min(count, owners) for count in COUNTS})
    asked, costs, done, began = iter(messages(max(counts), seed=3)), [], 0, time.perf_counter()
    async with opened(folder) as agent:
        start = time.perf_counter() - began
        await agent.layers.reconcile()
        reconciled = time.perf_counter() - began
        waits = {"one owner, alone": await hot_turns(agent, [])}
        for count in counts:
            for first in track(range(done, count, 8), f"turns of {count:,} owners"):
                some = range(first, min(first + 8, count))
                await asyncio.gather(*(ask(agent, owner_of(number), next(asked)) for number in some))
            done = count
            costs.append(cost(count))
        others = [owner_of(number) for number in range(1, max(counts))]
        waits["one owner, between others"] = await hot_turns(agent, others)
        idle = range(max(counts), owners) or range(owners)
        waits["owners after a long time"] = await first_turns(agent, [owner_of(n) for n in idle[-IDLE:]])
    return costs, Served(start, reconciled, waits, await asyncio.to_thread(megabytes_of, folder))


def megabytes_of(folder: Path) -> int:
    """Return the size of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) // 10**6


def report(owners: int, costs: Sequence[Cost], served: Served, console: Console) -> None:
    """Print the counts, and how long people wait."""
    table = Table("owners who talked", "threads", "open files", "MB")
    table.title = f"{owners:,} owners of {TURNS} turns"
    for one in costs:
        table.add_row(f"{one.owners:,}", str(one.threads), str(one.files), str(one.megabytes))
    console.print(table)
    console.print(f"start {served.start:.1f} s, all vectors checked after {served.reconciled:.1f} s")
    for name, (p50, p95) in served.turns.items():
        console.print(f"turns of {name}: p50 {p50:.0f}, p95 {p95:.0f} ms")
    console.print(f"files: {served.disk:,} MB")


def _fill(folder: str, owners: int) -> None:
    asyncio.run(fill(Path(folder), owners))


def main() -> None:
    """Fill the archives in another process, whose memory does not count; then measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--owners", type=int, default=max(COUNTS), help="how many there are")
    parser.add_argument("--folder", type=Path, help="a filled data folder to use again, or to fill")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="goat-bench-") as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "owners").is_dir():
            filling = multiprocessing.get_context("spawn").Process(
                target=_fill, args=(str(folder), options.owners)
            )
            filling.start()
            filling.join()
        costs, served = asyncio.run(measure(folder, options.owners))
    report(options.owners, costs, served, Console(highlight=False))


if __name__ == "__main__":
    main()
