"""Recall of all contestants on labelled conversations, and its speed: `make bench-recall`."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.commands.bench_command import BenchProgress
from bot.lab.bench.bench_layers import bench_layers
from bot.lab.bench.bench_run import UNHURRIED
from bot.lab.bench.data_sets import file_of
from bot.lab.bench.lives import Lives, probe_result, read_lives, run_lives
from bot.lab.bench.measures import Measures, measure_probes
from bot.lab.bench.neutral import Bench
from bot.lab.bench.race import CONTESTANTS, SHARES, Contestant, Race, neighbour_contestants, race
from bot.lab.bench.report import print_measures, print_report
from bot.presentation.command_output import results_file
from graph.layers import Layers
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from memory.errors import GoatError
from tests.bench.archive import SEEDS
from tests.bench.recall.results import results_of, rounded
from tests.bench.recall.sets import LIVING, SETS, SPEED, read_sets
from tests.bench.recall.speed import LARGE, SIZES, embedding_rate, learned, print_speed, speed


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of locomo*.json and longmemeval*.")] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Where the results go.")] = None,
    only: Annotated[list[str] | None, typer.Option(help=f"Of: {LIVING}, {', '.join(SETS)}, {SPEED}.")] = None,
    large: Annotated[bool, typer.Option(help="Measure speed at 100,000 turns too.")] = False,
    sweep: Annotated[bool, typer.Option(help="Other shares that neighbours lend, instead.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Keep archives and vectors here.")] = None,
) -> None:
    """Measure, print, and write the results."""
    console, settings = Console(highlight=False), load_settings()
    chosen, folder_of = only or [LIVING, *SETS, SPEED], data or settings.bench_data
    contestants = neighbour_contestants(*SHARES) if sweep else CONTESTANTS
    try:
        with results_file(json_) as write:
            lives = [read_lives(file_of(folder_of, LIVING))] if LIVING in chosen else []
            benches = list(read_sets(folder_of, chosen))
            sizes = [*SIZES, *(LARGE if large else ())] if SPEED in chosen else []
            measured = _measured(settings, folder, lives, benches, contestants, console)
            results = asyncio.run(measured)
            if sizes:
                results["speed"] = asyncio.run(_timed(settings, sizes, contestants, console))
            write(rounded(results))
    except GoatError as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None


async def _measured(
    settings: Settings,
    folder: Path | None,
    lives: Sequence[Lives],
    benches: Sequence[Bench],
    contestants: Sequence[Contestant],
    console: Console,
) -> dict[str, Any]:
    known = {one.name: dict(one.thresholds) for one in contestants}
    results: dict[str, Any] = {"benchmarks": {}, "contestants": known}
    async with bench_layers(settings, folder, stores=True) as layers:
        for one in lives:
            results["living"] = asdict(await _lived(layers, one, console))
        for bench in benches:
            figures = results_of(await _raced(layers, bench, contestants, console))
            for name, summary in figures["contestants"].items():
                print_report(f"{bench.name}, {name}", summary, console)
            results["benchmarks"][bench.name] = figures
        results["embedding_model"] = layers.embeddings.name
    return results


async def _lived(layers: Layers, lives: Lives, console: Console) -> Measures:
    with BenchProgress(*lives.counts, console) as bars:
        context = TurnContext().model_copy(update=UNHURRIED)
        run = await run_lives(layers, lives, context, on_embedded=bars.add_documents, on_asked=bars.add_query)
    measures = measure_probes(
        [probe_result(person, probe, recalled.state) for person, probe, recalled in run]
    )
    print_measures(lives.name, measures, console)
    return measures


async def _raced(layers: Layers, bench: Bench, contestants: Sequence[Contestant], console: Console) -> Race:
    docs = sum(len(archive.docs) for archive in bench.archives)
    queries = [query for archive in bench.archives for query in archive.queries]
    relevant = sum(not query.irrelevant for query in queries)
    asked = sum(len(queries) if contestant.decides else relevant for contestant in contestants)
    with BenchProgress(docs, asked, console) as bars:
        return await race(layers, bench, contestants, on_embedded=bars.add_documents, on_asked=bars.add_query)


async def _timed(
    settings: Settings, sizes: Sequence[int], contestants: Sequence[Contestant], console: Console
) -> dict[str, Any]:
    """Measure the speed in a separate folder, while nothing else is searched."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    async with bench_layers(settings) as layers:
        with Progress(*columns, console=console) as bars:
            rate = await embedding_rate(layers)
            learning = bars.add_task("turns embedded", total=SEEDS)
            embeddings = await learned(layers, partial(bars.advance, learning))
            speeds = []
            for size in sizes:
                filling = partial(bars.advance, bars.add_task(f"archive of {size:,}", total=size))
                speeds.append(await speed(layers, embeddings, size, contestants, filling))
    print_speed(speeds, rate, console)
    return {"archives": [asdict(one) for one in speeds], "embedded_per_second": rate}


if __name__ == "__main__":
    typer.run(main)
