"""Tables of all contestants."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.lab.bench.report import INJECTION, RETRIEVAL, curve_table, number
from tests.bench.recall.speed import Speed

DIGITS = {"false_per_hundred": 1}

Summaries = Mapping[str, Mapping[str, Any]]


def print_summaries(name: str, summaries: Summaries, console: Console, *, curve_of: str) -> None:
    """Print every contestant's figures on a benchmark."""
    console.rule(name)
    console.print(_retrieval(summaries))
    console.print(_injection(summaries))
    console.print(_by_kind(summaries))
    console.print(curve_table(summaries[curve_of]), f"The curve is that of `{curve_of}`.")


def print_speed(speeds: Sequence[Speed], embedded_per_second: float, console: Console) -> None:
    """Print the speed of recall and of ingestion."""
    console.rule("Speed")
    table = Table("turns", title="A recall, in milliseconds: p50 / p95")
    for name in speeds[0].milliseconds:
        table.add_column(name, justify="right")
    table.add_column("ingested/s", justify="right")
    for one in speeds:
        times = (f"{p50:.1f} / {p95:.1f}" for p50, p95 in one.milliseconds.values())
        table.add_row(f"{one.turns:,}", *times, f"{one.turns_per_second:,.0f}")
    console.print(table, f"Ingested without embedding; with it {embedded_per_second:,.1f} turns a second.")


def _retrieval(summaries: Summaries) -> Table:
    """Return the quality of the ranking, over all queries and by category."""
    table = _table("category", ["queries", "contestant", *RETRIEVAL])
    for category in ("all", *_first(summaries)["by_category"]):
        for name, summary in summaries.items():
            figures = summary if category == "all" else summary["by_category"][category]
            last = name == list(summaries)[-1]
            values = (number(figures[key]) for key in RETRIEVAL)
            table.add_row(category, str(figures["n"]), name, *values, end_section=last)
    return table


def _injection(summaries: Summaries) -> Table:
    table = _table("injection", [*summaries])
    for key, said in INJECTION.items():
        figures = (number(summary["injection"][key], DIGITS.get(key, 3)) for summary in summaries.values())
        table.add_row(said, *figures)
    for key in ("p50", "p95"):
        times = (number(summary["latency"][key], 1) for summary in summaries.values())
        table.add_row(f"milliseconds of a recall, {key}", *times)
    return table


def _by_kind(summaries: Summaries) -> Table:
    table = _table("false injections per 100", ["messages", *summaries])
    for kind, about in _kinds(_first(summaries)).items():
        found = (_kinds(summary).get(kind, {}) for summary in summaries.values())
        cells = (number(of_kind.get("false_per_hundred"), 1) for of_kind in found)
        table.add_row(kind, str(about["n"]), *cells)
    return table


def _kinds(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    kinds: Mapping[str, Any] = summary["injection"]["by_kind"]
    return kinds


def _first(summaries: Summaries) -> Mapping[str, Any]:
    return next(iter(summaries.values()))


def _table(name: str, columns: Iterable[str]) -> Table:
    table = Table(name)
    for column in columns:
        table.add_column(column, justify="right")
    return table
