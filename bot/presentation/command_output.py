"""Output of commands: progress bars, results files, proposed changes of thresholds."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from bot.printable import printable
from graph.tuning.attempts import percent
from graph.tuning.write_back import Proposal
from memory.errors import GoatError
from memory.tuning.held_out import Gain


class ProgressBars(Progress):
    """Bars with a description, a count and the remaining time."""

    def __init__(self, console: Console, *, transient: bool = False, disable: bool = False) -> None:
        what = TextColumn("{task.description}", markup=False)  # an owner's name may have brackets
        columns = (what, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        super().__init__(*columns, console=console, transient=transient, disable=disable)


_PRIVATE, _ANYBODY = 0o600, 0o666
"""File modes, before the umask."""


class OutputError(GoatError):
    """The results cannot be written."""


@contextmanager
def results_file(path: Path | None, *, private: bool = False) -> Iterator[Callable[[Any], None]]:
    """Yield a function that takes the results, which are then written to `path` atomically.

    Args:
        path: the file, which is replaced; None writes nothing.
        private: only the user can read it.

    Raises:
        OutputError: the file cannot be written; before the block runs, if that is known.
    """
    results: list[Any] = []
    if path is None:
        yield results.append
        return
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise OutputError(f"{path}: expected a file for the results, found a folder or device")
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    with _explained(path):
        partial.unlink(missing_ok=True)  # of a killed process: in a container, the next has the same number
        partial.touch(mode=_PRIVATE if private else _ANYBODY, exist_ok=False)
    try:
        yield results.append
        if results:
            with _explained(path):
                partial.write_text(json.dumps(results[-1], indent=1), encoding="utf-8")
                partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: the results cannot be written: {error.strerror or error}") from None


def proposal_table(proposal: Proposal) -> RenderableType:
    """Render a proposal's changes, its figures before and after, and its gain on held-out turns."""
    table = Table("", "before", "after", box=None, header_style="dim")
    for change in proposal.changes:
        table.add_row(*(Text(printable(str(part))) for part in change))
    figures = proposal.result.figures
    for name in dict.fromkeys([*figures.before, *figures.after]):
        values = (_number(figures.before.get(name)), _number(figures.after.get(name)))
        table.add_row(Text(printable(name), style="dim"), *values)
    return Group(table, *([_gain(proposal.gain, proposal.number)] if proposal.gain else []))


def _gain(gain: Gain, number: int) -> str:
    tried = f" It is attempt {number} on these turns." if number > 1 else ""
    return (
        f"Held out: {gain.turns} turns of {gain.groups} days or conversations, {gain.changed} of them "
        f"different from before. A turn gains {gain.mean:+.4f} on average, and with "
        f"{percent(gain.confidence)} confidence at least {gain.at_least:+.4f}.{tried}"
    )


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4g}"
