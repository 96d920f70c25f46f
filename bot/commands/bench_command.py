"""`goat bench`: measure recall on labelled queries."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bot.commands.command_app import (
    ChangedThresholds,
    ResultsFile,
    command_app,
    command_settings,
    with_thresholds,
)
from bot.commands.progress_bars import ProgressBars
from bot.lab.bench.bench_run import BenchResult, run_bench, temporary_layers
from bot.lab.bench.living.lives import Lives, read_lives
from bot.lab.bench.living.measures import measure_probes
from bot.lab.bench.living.probe_run import ProbeResult, run_lives
from bot.lab.bench.neutral import Bench, read_bench
from bot.lab.bench.output import results_file
from bot.lab.bench.report import print_measures, print_report
from bot.lab.bench.summary import summarise
from graph.settings.context import TurnContext
from graph.settings.settings import Settings

RESULTS = 20
UNHURRIED = {"prefetch_timeout": 30}
"""Seconds, so that no search of a living conversation times out on a busy machine."""
app = command_app(help="Measure the memory on labelled data.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure the memory on labelled data, in a temporary data folder."""


@app.command()
def recall(
    file: Annotated[Path, typer.Argument(help="Archives and queries, as JSON.")],
    json_: ResultsFile = None,
    set_: ChangedThresholds = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The most queries of each archive.")] = None,
) -> None:
    """Measure recall on labelled queries.

    Ingests each archive, then sends its queries as turns would.
    """
    settings = command_settings()
    fixed = {"prefetch_results": RESULTS, "cache_ttl": 0}
    context = with_thresholds(settings.turn_context().model_copy(update=fixed), set_ or ())
    with results_file(json_) as write:
        benchmark = read_bench(file)
        console = Console(highlight=False)
        ran = asyncio.run(_run(settings, benchmark, context, limit, console))
        summary = summarise(ran.outcomes) | {"docs": ran.docs, "ingest_seconds": round(ran.ingest_seconds, 2)}
        write(_results(benchmark.name, ran, context, summary))
    print_report(benchmark.name, summary, console)


async def _run(
    settings: Settings, benchmark: Bench, context: TurnContext, limit: int | None, console: Console
) -> BenchResult:
    docs = sum(len(archive.docs) for archive in benchmark.archives)
    queries = sum(len(archive.queries[:limit]) for archive in benchmark.archives)
    with BenchProgress(docs, queries, console) as bars:
        async with temporary_layers(settings) as layers:
            return await run_bench(layers, benchmark, context, limit=limit, progress=bars)


@app.command()
def living(
    file: Annotated[Path, typer.Argument(help="Lives and probes, as JSON.")],
    json_: ResultsFile = None,
    set_: ChangedThresholds = None,
) -> None:
    """Measure which memories are shown in living conversations.

    Ingests people's archives, then sends the messages.
    """
    settings = command_settings()
    context = with_thresholds(settings.turn_context().model_copy(update=UNHURRIED), set_ or ())
    with results_file(json_) as write:
        lives = read_lives(file)
        console = Console(highlight=False)
        probed = asyncio.run(_run_living(settings, lives, context, console))
        write({"name": lives.name, "probes": [one.as_json() for one in probed]})
    print_measures(lives.name, measure_probes(probed), console)


async def _run_living(
    settings: Settings, lives: Lives, context: TurnContext, console: Console
) -> list[ProbeResult]:
    with BenchProgress(*lives.counts, console) as bars:
        async with temporary_layers(settings) as layers:
            return await run_lives(layers, lives, context, bars)


def _results(name: str, ran: BenchResult, context: TurnContext, summary: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "embedding_model": ran.embedding_model,
        "settings": context.model_dump(mode="json", exclude={"owner"}),
        "queries": [outcome.as_json() for outcome in ran.outcomes],
        "summary": summary,
    }


class BenchProgress(ProgressBars):
    def __init__(self, docs: int, queries: int, console: Console) -> None:
        super().__init__(console)
        self._embedding = self.add_task("docs embedded", total=docs)
        self._asking = self.add_task("queries run", total=queries)

    def add_documents(self, count: int) -> None:
        self.advance(self._embedding, count)

    def add_query(self) -> None:
        self.advance(self._asking)
