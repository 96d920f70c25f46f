"""`goat tune`: write tuned settings to `goat.toml`, and undo that."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.commands.command_app import command_app
from bot.presentation.tuning_proposal import proposal_table
from graph.settings.sources import CONFIG_FILE
from graph.tuning import write_back
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
    console.print(proposal_table(proposal))
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
