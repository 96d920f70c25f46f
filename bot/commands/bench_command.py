"""`goat bench`: measure recall on labelled queries."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.commands.command_app import (
    ChangedThresholds,
    ResultsFile,
    command_app,
    command_settings,
    with_thresholds,
)
from bot.lab.bench.bench_layers import bench_layers
from bot.lab.bench.bench_run import UNHURRIED
from bot.lab.bench.lives import Lives, ProbeResult, probe_result, read_lives, run_lives
from bot.lab.bench.measures import measure_probes
from bot.lab.bench.neutral import Bench, read_bench
from bot.lab.bench.outcome import summarise
from bot.lab.bench.race import Contestant, Race, race
from bot.lab.bench.report import print_measures, print_report
from bot.presentation.command_output import ProgressBars, results_file
from graph.settings.context import TurnContext
from graph.settings.settings import Settings

RESULTS = 20
GIVEN = "given"
"""Name of the settings in force, as the only contestant."""
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
        benchmark = _limited(read_bench(file), limit)
        console = Console(highlight=False)
        name, ran = asyncio.run(_run(settings, benchmark, context, console))
        outcomes = ran.outcomes[GIVEN]
        summary = summarise(outcomes) | {"docs": ran.docs, "ingest_seconds": round(ran.ingest_seconds, 2)}
        write(
            {
                "name": benchmark.name,
                "embedding_model": name,
                "settings": context.model_dump(mode="json", exclude={"owner"}),
                "queries": [outcome.as_json() for outcome in outcomes],
                "summary": summary,
            }
        )
    print_report(benchmark.name, summary, console)


def _limited(benchmark: Bench, limit: int | None) -> Bench:
    """Return the benchmark with the first queries of each archive."""
    archives = [one.model_copy(update={"queries": one.queries[:limit]}) for one in benchmark.archives]
    return benchmark.model_copy(update={"archives": tuple(archives)})


async def _run(
    settings: Settings, benchmark: Bench, context: TurnContext, console: Console
) -> tuple[str, Race]:
    """Return the embedding model's name and the outcomes."""
    docs = sum(len(archive.docs) for archive in benchmark.archives)
    queries = sum(len(archive.queries) for archive in benchmark.archives)
    given = [Contestant(GIVEN, context.model_dump())]
    with BenchProgress(docs, queries, console) as bars:
        async with bench_layers(settings) as layers:
            done = await race(
                layers, benchmark, given, on_embedded=bars.add_documents, on_asked=bars.add_query
            )
            return layers.embeddings.name, done


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
        async with bench_layers(settings) as layers:
            run = await run_lives(
                layers, lives, context, on_embedded=bars.add_documents, on_asked=bars.add_query
            )
            return [probe_result(person, probe, recalled.state) for person, probe, recalled in run]


class BenchProgress(ProgressBars):
    def __init__(self, docs: int, queries: int, console: Console) -> None:
        super().__init__(console)
        self._embedding = self.add_task("docs embedded", total=docs)
        self._asking = self.add_task("queries run", total=queries)

    def add_documents(self, count: int) -> None:
        self.advance(self._embedding, count)

    def add_query(self) -> None:
        self.advance(self._asking)
