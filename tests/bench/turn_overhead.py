"""A turn's time without the model, compared with Chroma's defaults and with the sum of its parts."""

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot.commands.command_app import run_turns
from graph.builder import FETCHES, REPEATABLE, build_graph
from graph.checkpoint.serde import StateSerializer
from graph.layers import Layers, open_layers
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.state.circumstances import thread_id
from memory.embedding.encoder import VERSION
from memory.embedding.model_cache import ensure_model
from memory.episodic.index.ledger import VectorLedger
from memory.episodic.index.vector_state import collection_name
from tests.bench.archive import SEEDS, MixedEmbeddings, fill
from tests.bench.contestants import PADDED_TO, ChromaAsItComes, SumOfParts
from tests.bench.corpus import messages, turns
from tests.bench.imports import ImportSpeed, measure_imports, print_imports
from tests.bench.probes import Probe, ScriptedModel, TimedSaver, probe_nodes

SIZES = (1_000, 10_000)
ROUNDS = 60
WARM_UP = 6
"""Warm-up rounds, which also begin the conversation."""
MODEL_SECONDS = 0.1
"""The model's time, which is subtracted: nobody waits for work that runs meanwhile."""
AFTER = "after the reply"
BEFORE = "before the model call"
TURN, CHROMA, PARTS = "turn", "Chroma as it comes", "sum of the parts"
INDEXED = "turn and its vectors"
CONTESTANTS = (TURN, INDEXED, PARTS, CHROMA)
NODES = [*FETCHES, "gap_filter", "budget", "assemble", "respond", "archive"]

Samples = defaultdict[str, list[float]]


@dataclass
class Contest:
    """One archive and its measurements."""

    size: int
    owner: str
    agent: Agent
    saver: TimedSaver
    model: ScriptedModel
    probe: Probe
    chroma: ChromaAsItComes
    parts: SumOfParts
    samples: Samples

    @property
    def thread(self) -> str:
        return thread_id("bench", self.owner)

    async def round(self, number: int, message: str, other: str) -> None:
        """Run every contestant once, starting with another one each time."""
        entries = [self._turn, self._chroma, self._parts]
        first = number % len(entries)
        for entry in entries[first:] + entries[:first]:
            await entry(message if entry == self._turn else other)

    async def _turn(self, message: str) -> None:
        self.probe.clear()
        self.saver.written = []
        began = time.perf_counter()
        await self.agent.ask(message, owner=self.owner, thread=self.thread)
        ended = time.perf_counter()
        asked, answered = self.model.asked_at, self.model.answered_at
        await self.agent.layers.episodes.wait_for_index(owner=self.owner, seconds=30)
        self.samples[INDEXED].append((time.perf_counter() - began - (answered - asked)) * 1000)
        self.samples[TURN].append((ended - began - (answered - asked)) * 1000)
        self.samples[BEFORE].append((asked - began) * 1000)
        self.samples[AFTER].append((ended - answered) * 1000)
        for name in (*NODES, "checkpoint", "checkpoint read"):
            self.samples[name].append(self.probe.spent(name))

    async def _chroma(self, message: str) -> None:
        began = time.perf_counter()
        await asyncio.to_thread(self.chroma.query, message)
        self.samples[CHROMA].append((time.perf_counter() - began) * 1000)

    async def _parts(self, message: str) -> None:
        written = list(self.saver.written)
        thread = thread_id("bench", "parts", self.owner)
        began = time.perf_counter()
        await self.parts.run(message, written, thread)
        self.samples[PARTS].append((time.perf_counter() - began) * 1000)


async def contest(layers: Layers, folder: Path, size: int) -> Contest:
    """Prepare to measure on the archive of `size` turns."""
    owner, probe = owner_of(size), Probe()
    model = layers.model = ScriptedModel([turn.reply for turn in turns(200, seed=size + 1)], MODEL_SECONDS)
    kept = layers.settings.checkpoints_kept
    saver = TimedSaver(layers.redis.client, keep=kept, repeatable=REPEATABLE, serde=StateSerializer())
    saver.probe, saver.written = probe, []
    graph = build_graph(layers)
    probe_nodes(graph, probe)
    compiled = graph.compile(checkpointer=saver, name="goat")
    agent = Agent(compiled, graph.compile(name="goat"), layers, saver)
    collection = collection_name(owner, await VectorLedger(layers.files, layers.embeddings.name).state(owner))
    chroma = ChromaAsItComes(folder / "chroma", collection, ensure_model(folder / "models", VERSION))
    parts = SumOfParts(layers, saver, collection)
    return Contest(size, owner, agent, saver, model, probe, chroma, parts, defaultdict(list))


def owner_of(size: int) -> str:
    """Name the owner of the archive of `size` turns."""
    return f"bench {size}"


async def measure(folder: Path, progress: Progress) -> tuple[list[Contest], list[ImportSpeed]]:
    """Fill the archives and run the contestants alternately; then import."""
    async with open_layers(Settings(data_folder=folder, timezone="UTC")) as layers:
        task = progress.add_task("building the embedding model", total=None)
        await layers.embeddings.ready()
        progress.update(task, total=1, completed=1)
        embeddings = MixedEmbeddings(layers.embeddings)
        task = progress.add_task(f"embedding {SEEDS} turns", total=SEEDS)
        async for done in embeddings.learn(turns(SEEDS, seed=0)):
            progress.advance(task, done)
        for size in SIZES:
            task = progress.add_task(f"archiving {size:,} turns", total=size)
            async for done in fill(layers, embeddings, owner_of(size), size):
                progress.advance(task, done)
        contests = [await contest(layers, folder, size) for size in SIZES]
        asked = iter(messages(2 * len(SIZES) * (ROUNDS + WARM_UP), seed=7))
        task = progress.add_task("measuring", total=ROUNDS + WARM_UP)
        for number in range(ROUNDS + WARM_UP):
            for one in contests:
                await one.round(number, next(asked), next(asked))
                if number < WARM_UP:
                    one.samples.clear()
            progress.advance(task)
        task = progress.add_task("importing", total=None)
        imports = await measure_imports(layers)
        progress.update(task, total=1, completed=1)
        return contests, imports


def report(contests: list[Contest], console: Console) -> None:
    """Print all contestants, then the times of a turn's parts."""
    console.print(_comparison(contests))
    console.print(_breakdown(contests))
    puts = [method for method, _ in contests[0].saver.written]
    console.print(
        f"Milliseconds, {ROUNDS} rounds, contestants taking turns in one process.\n"
        f"{TURN}: beside a model that answers after {MODEL_SECONDS:g} s, until it is archived. Its vectors"
        f" follow behind it; nothing else runs until they are written ({INDEXED}).\n"
        f"{PARTS}: the message embedded with the loaded model, the vectors searched, and a turn's"
        f" {puts.count('aput')} checkpoints and {puts.count('aput_writes')} task writes written once more.\n"
        f"{CHROMA}: emulates what Chroma's default embedding function does for each query, with this"
        " package's own model (multilingual-e5-small, 8 bits): a new onnxruntime session with default"
        f" options, the text padded to {PADDED_TO} tokens (that count as tokens: the graph takes no mask),"
        " then Chroma's own query for 15 results.\n"
        f"The archives' vectors are mixed from those of {SEEDS} embedded turns, and noise.",
        style="dim",
        highlight=False,
    )


def _comparison(contests: list[Contest]) -> Table:
    table = Table("", title="A turn's overhead")
    for one in contests:
        for column in ("p50", "p95", "turn is"):
            table.add_column(f"{column}\n{one.size:,}", justify="right")
    for name in CONTESTANTS:
        row = []
        for one in contests:
            p50, p95 = np.percentile(one.samples[name], (50, 95))
            ratio = p50 / float(np.median(one.samples[TURN]))
            said = "" if name in (TURN, INDEXED) else f"{ratio:.1f}x faster"
            if ratio < 1:
                said = f"{1 / ratio:.1f}x slower"
            row += [f"{p50:.1f}", f"{p95:.1f}", said]
        table.add_row(name, *row)
    return table


def _breakdown(contests: list[Contest]) -> Table:
    table = Table("", title="Where it goes")
    for one in contests:
        for column in ("p50", "p95"):
            table.add_column(f"{column}\n{one.size:,}", justify="right")
    for name in (BEFORE, AFTER, *NODES, "checkpoint", "checkpoint read"):
        row = []
        for one in contests:
            row += [f"{value:.1f}" for value in np.percentile(one.samples[name], (50, 95))]
        table.add_row(name, *row, end_section=name in (AFTER, NODES[-1]))
    return table


def main() -> None:
    """Measure and print."""
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with TemporaryDirectory(prefix="goat-bench-") as folder, Progress(*columns, console=console) as progress:
        contests, imports = run_turns(measure(Path(folder), progress))
    report(contests, console)
    print_imports(imports, console)


if __name__ == "__main__":
    main()
