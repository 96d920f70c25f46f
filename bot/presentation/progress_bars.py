"""Progress bars of the commands."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class ProgressBars(Progress):
    """Bars with a description, a count and the remaining time."""

    def __init__(self, console: Console, *, transient: bool = False, disable: bool = False) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        super().__init__(*columns, console=console, transient=transient, disable=disable)
