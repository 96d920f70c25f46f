"""Recall of all contestants on labelled conversations, and its speed: `make bench-recall`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.commands.bench_command import UNHURRIED, BenchProgress
from bot.lab.bench.bench_run import layers_in, temporary_layers
from bot.lab.bench.living.lives import Lives, read_lives
from bot.lab.bench.living.measures import Measures, measure_probes
from bot.lab.bench.living.probe_run import run_lives
from bot.lab.bench.neutral import Bench
from bot.lab.bench.output import results_file
from bot.lab.bench.race.contestants import CONTESTANTS, SHARES, Contestant, neighbour_contestants
from bot.lab.bench.race.remembered_embeddings import archive_cache
from bot.lab.bench.race.results import Race, race, results_of, rounded
from bot.lab.bench.report import print_measures
from bot.lab.bench.sets.data_sets import LIVING, SETS, SPEED, file_of, read_sets
from graph.layers import Layers
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from memory.errors import GoatError
from tests.bench.archive import SEEDS
from tests.bench.recall.speed import LARGE, SIZES, Speed, embedding_rate, learned, speed
from tests.bench.recall.tables import print_speed, print_summaries

VECTORS = "vectors.npz"


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of locomo*.json and longmemeval*.")] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Where the results go.")] = None,
    only: Annotated[list[str] | None, typer.Option(help=f"Of: {LIVING}, {', '.join(SETS)}, {SPEED}.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The most queries of each archive.")] = None,
    large: Annotated[bool, typer.Option(help="Measure speed at 100,000 turns too.")] = False,
    sweep: Annotated[bool, typer.Option(help="Other shares that neighbours lend, instead.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Keep archives and vectors here.")] = None,
) -> None:
    """Measure, print, and write the results."""
    console, settings = Console(highlight=False), load_settings()
    chosen, folder_of = only or [LIVING, *SETS, SPEED], data or settings.bench_data
    contestants = neighbour_contestants(*SHARES) if sweep else [one for one in CONTESTANTS if one.possible]
    try:
        with results_file(json_) as write:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            lives = [read_lives(file_of(folder_of, LIVING))] if LIVING in chosen else []
            benches = list(read_sets(folder_of, chosen, limit))
            sizes = [*SIZES, *(LARGE if large else ())] if SPEED in chosen else []
            write(
                rounded(asyncio.run(_measured(settings, folder, lives, benches, sizes, contestants, console)))
            )
    except GoatError as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None


async def _measured(
    settings: Settings,
    folder: Path | None,
    lives: Sequence[Lives],
    benches: Sequence[Bench],
    sizes: Sequence[int],
    contestants: Sequence[Contestant],
    console: Console,
) -> dict[str, Any]:
    results: dict[str, Any] = {"benchmarks": {}, "contestants": {c.name: c.known for c in contestants}}
    async with _layers(settings, folder) as layers:
        for one in lives:
            results["living"] = asdict(await _lived(layers, one, console))
        for bench in benches:
            run = await _raced(layers, bench, contestants, console)
            figures = results_of(run)
            title, last = f"{run.name}: {run.docs:,} documents", contestants[-1].name
            print_summaries(title, figures["contestants"], console, curve_of=last)
            results["benchmarks"][run.name] = figures
        results["embedding_model"] = layers.embeddings.name
    if sizes:
        speeds, rate = await _timed(settings, sizes, contestants, console)
        print_speed(speeds, rate, console)
        results["speed"] = {"archives": [asdict(one) for one in speeds], "embedded_per_second": rate}
    return results


@asynccontextmanager
async def _layers(settings: Settings, folder: Path | None) -> AsyncIterator[Layers]:
    opened = temporary_layers(settings) if folder is None else layers_in(folder, settings)
    async with opened as layers:
        with archive_cache(layers, folder / VECTORS if folder else None):
            yield layers


async def _lived(layers: Layers, lives: Lives, console: Console) -> Measures:
    with BenchProgress(*lives.counts, console) as bars:
        context = TurnContext().model_copy(update=UNHURRIED)
        measures = measure_probes(await run_lives(layers, lives, context, bars))
    print_measures(lives.name, measures, console)
    return measures


async def _raced(layers: Layers, bench: Bench, contestants: Sequence[Contestant], console: Console) -> Race:
    with _bars(console) as bars:
        docs = sum(len(archive.docs) for archive in bench.archives)
        queries = [query for archive in bench.archives for query in archive.queries]
        relevant = sum(not query.irrelevant for query in queries)
        asked = sum(len(queries) if contestant.decides else relevant for contestant in contestants)
        embedding = bars.add_task(f"{bench.name}: documents", total=docs)
        asking = bars.add_task(f"{bench.name}: queries", total=asked)
        return await race(
            layers,
            bench,
            contestants,
            on_embedded=lambda done: bars.advance(embedding, done),
            on_asked=lambda: bars.advance(asking),
        )


async def _timed(
    settings: Settings, sizes: Sequence[int], contestants: Sequence[Contestant], console: Console
) -> tuple[list[Speed], float]:
    """Measure the speed in a separate folder, while nothing else is searched."""
    async with temporary_layers(settings) as layers:
        with _bars(console) as bars:
            rate = await embedding_rate(layers)
            learning = bars.add_task("turns embedded", total=SEEDS)
            embeddings = await learned(layers, lambda done: bars.advance(learning, done))
            speeds = []
            for size in sizes:
                filling = bars.add_task(f"archive of {size:,}", total=size)
                speeds.append(await speed(layers, embeddings, size, contestants, _advancing(bars, filling)))
    return speeds, rate


def _advancing(bars: Progress, task: Any) -> Callable[[int], None]:
    return lambda done: bars.advance(task, done)


def _bars(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


if __name__ == "__main__":
    typer.run(main)
