"""`goat tune`: write tuned settings to `goat.toml`, and undo that."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.commands.command_app import command_app
from bot.printable import printable
from graph.settings.sources import CONFIG_FILE
from graph.tuning import write_back
from graph.tuning.attempts import percent
from graph.tuning.write_back import Proposal
from memory.tuning.held_out import Gain
from memory.tuning.tuning_result import read_result

app = command_app(help="Write tuned settings to goat.toml, and undo that.", no_args_is_help=True)
_NEXT_TURN = "Running programs use it from their next turn."


@app.command()
def apply(
    result: Annotated[Path, typer.Argument(help="Result of a tuning, as a notebook writes it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes, and write nothing.")] = False,
) -> None:
    """Write tuned thresholds and a calibration to goat.toml.

    Only if held-out turns show that they are better.
    """
    read, console = read_result(result), Console(highlight=False, soft_wrap=True)
    proposal = write_back.propose(read)
    show(console, proposal)
    if dry_run:
        proposal.require_gain()
        console.print("Nothing is written (--dry-run). The change is better, and would be written.")
        return
    write_back.apply(read)
    console.print(f"Written to {CONFIG_FILE}. {_NEXT_TURN} `goat tune rollback` undoes it.")


@app.command()
def rollback(
    yes: Annotated[bool, typer.Option("--yes", help="Also undo later edits by hand.")] = False,
) -> None:
    """Exchange goat.toml with its backup from before the last change, byte for byte."""
    there = write_back.rollback(even_if_edited=yes)
    done = "is restored" if there else "is removed: there was none before"
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{CONFIG_FILE} {done}. {_NEXT_TURN} Another `goat tune rollback` undoes this.")


def show(console: Console, proposal: Proposal) -> None:
    """Print a proposal's changes, its figures before and after, and its gain on held-out turns."""
    table = Table("", "before", "after", box=None, header_style="dim")
    for change in proposal.changes:
        table.add_row(*(Text(printable(str(part))) for part in change))
    figures = proposal.result.figures
    for name in dict.fromkeys([*figures.before, *figures.after]):
        values = (_number(figures.before.get(name)), _number(figures.after.get(name)))
        table.add_row(Text(printable(name), style="dim"), *values)
    console.print(table)
    if proposal.gain is not None:
        console.print(_gain(proposal.gain, proposal.number))


def _gain(gain: Gain, number: int) -> str:
    tried = f" It is attempt {number} on these turns." if number > 1 else ""
    return (
        f"Held out: {gain.turns} turns of {gain.groups} conversations, {gain.changed} of them different from "
        f"before. A turn gains {gain.mean:+.4f} on average, and with {percent(gain.confidence)} confidence "
        f"at least {gain.at_least:+.4f}.{tried}"
    )


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4g}"
