"""The measures of lives in conversation as tables."""

from rich.console import Console
from rich.table import Table

from bot.lab.bench.living.measures import Measures, Shown
from bot.lab.bench.report import number

COLUMNS = ("probes", "found", "first five", "first", "needed shown", "all needed", "extra")


def print_measures(name: str, measures: Measures, console: Console) -> None:
    """Print the measures of a run."""
    table = Table("memory that answers", title=f"{name}: shown, by kind and language")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for kind, shown in measures.by_kind.items():
        table.add_row(kind, *_cells(shown), end_section=kind == "all")
    table.add_section()
    for language, shown in measures.by_language.items():
        table.add_row(f"language: {language}", *_cells(shown))
    console.print(table)
    console.print(_false(measures))
    console.print(f"outdated shown alone: {measures.outdated} of {measures.with_outdated}")


def _cells(shown: Shown) -> list[str]:
    shares = (shown.found, shown.among_first, shown.first, shown.needed, shown.all_needed, shown.extra)
    return [str(shown.probes), *(number(share, 2) for share in shares)]


def _false(measures: Measures) -> Table:
    table = Table("nothing to show", title="Something shown all the same")
    table.add_column("probes", justify="right")
    table.add_column("share", justify="right")
    for kind, (probes, share) in measures.false.items():
        table.add_row(kind, str(probes), number(share, 2))
    table.add_row("near misses", "", number(measures.near_misses, 2))
    return table
