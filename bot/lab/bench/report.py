"""Reports of runs, as tables."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.lab.bench.measures import Measures, ProbeMeasures
from bot.lab.bench.outcome import RETRIEVAL

LIVING = ("probes", "found", "first five", "first", "needed shown", "all needed", "extra")
INJECTION = {
    "coverage": "relevant queries with something shown",
    "coverage_with_gold": "relevant queries with a gold shown",
    "precision": "shown documents that are gold",
    "false_per_hundred": "false injections per 100 irrelevant queries",
    "auc": "AUC of the probability",
    "f1": "F1 of showing anything",
}
SHOWN_THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def print_report(name: str, summary: Mapping[str, Any], console: Console) -> None:
    console.print(_retrieval(name, summary))
    console.print(_injection(summary))
    if summary["relevant"] or summary["irrelevant"]:
        console.print(_curve(summary))
    latency = summary["latency"]
    console.print(
        f"{summary['queries']:,} queries; recall takes {_number(latency['p50'], 1)} ms (p50), "
        f"{_number(latency['p95'], 1)} ms (p95)."
    )
    if summary["problems"]:
        console.print(f"{summary['problems']:,} searches were late or failed: see `problem` in the results.")


def _number(value: float | None, digits: int = 3) -> str:
    """Format a number; "-" for None."""
    return "-" if value is None else f"{value:.{digits}f}"


def _retrieval(name: str, summary: Mapping[str, Any]) -> Table:
    table = _table(f"{name}: retrieval", "category", "queries", *RETRIEVAL)
    rows = {"all": summary} | dict(summary["by_category"])
    for row, figures in rows.items():
        table.add_row(row, str(figures["n"]), *(_number(figures[column]) for column in RETRIEVAL))
    return table


def _injection(summary: Mapping[str, Any]) -> Table:
    figures = summary["injection"]
    table = _table("Injection", "what", "value")
    for key, said in INJECTION.items():
        table.add_row(said, _number(figures[key], 1 if key == "false_per_hundred" else 3))
    for kind, of_kind in figures["by_kind"].items():
        table.add_row(f"  {kind} ({of_kind['n']})", _number(of_kind["false_per_hundred"], 1))
    return table


def _curve(summary: Mapping[str, Any]) -> Table:
    title = "Coverage and risk (95 % intervals)"
    table = _table(title, "probability from", "relevant covered", "false per 100")
    for point in summary["curve"]:
        if point["threshold"] in SHOWN_THRESHOLDS:
            shown = _estimate(point["coverage"], 3), _estimate(point["false_injections"], 1)
            table.add_row(f"{point['threshold']:g}", *shown)
    return table


def _estimate(estimate: Mapping[str, float] | None, digits: int) -> str:
    if estimate is None:
        return "-"
    value, low, high = (_number(estimate[key], digits) for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def print_measures(name: str, measures: Measures, console: Console) -> None:
    """Print the measures of lives in conversation."""
    table = _table(f"{name}: shown, by kind and language", "memory that answers", *LIVING)
    for kind, shown in measures.by_kind.items():
        table.add_row(kind, *_shares(shown), end_section=kind == "all")
    table.add_section()
    for language, shown in measures.by_language.items():
        table.add_row(f"language: {language}", *_shares(shown))
    console.print(table)
    console.print(_false_table(measures))
    console.print(f"outdated shown alone: {measures.outdated} of {measures.with_outdated}")


def _shares(shown: ProbeMeasures) -> list[str]:
    shares = (shown.found, shown.among_first, shown.first, shown.needed, shown.all_needed, shown.extra)
    return [str(shown.probes), *(_number(share, 2) for share in shares)]


def _false_table(measures: Measures) -> Table:
    table = _table("Something shown all the same", "nothing to show", "probes", "share")
    for kind, (probes, share) in measures.false.items():
        table.add_row(kind, str(probes), _number(share, 2))
    table.add_row("near misses", "", _number(measures.near_misses, 2))
    return table


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(first, title=title)
    for column in columns:
        table.add_column(column, justify="right")
    return table
