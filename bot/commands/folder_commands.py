"""`goat trust` and `goat tune`: the settings files of this folder, applied and tuned."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from rich.console import Console

from bot.commands.command_app import command_app
from bot.presentation.command_output import proposal_table
from bot.printable import show
from graph.observability.redaction import Redaction
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from graph.settings.sources import CONFIG_FILE, WORKING, read_sources, untrusted_by_file
from graph.settings.trust import distrust, trust
from graph.tuning import write_back
from memory.text.text import shortened
from memory.tuning.tuning_result import read_result

_LONGEST = 200
_HIDDEN = "(hidden)"


def trust_folder(
    revoke: Annotated[bool, typer.Option("--revoke", help="Trust them no longer.")] = False,
) -> None:
    """Apply all settings in goat.toml and .env of this folder.

    It lasts until one of them changes; tuned values may change. Without it they can only tune recall.
    """
    console = Console(highlight=False, soft_wrap=True)
    if revoke:
        for path in WORKING:
            distrust(path)
        show(console, f"The files of {Path.cwd()} are no longer trusted: they can only tune recall.")
        return
    given = read_sources()
    held_back = untrusted_by_file()
    for path, settings in held_back.items():
        show(console, f"From now on {path.absolute()} sets:", "bold")
        for name, value in settings.items():
            show(console, f"  {name} = {_display(name, value)}")
        trust(path, given[str(path)])
    if not held_back:
        show(console, f"Everything that goat.toml and .env of {Path.cwd()} set applies already.")
    load_settings()


def _display(name: str, value: Any) -> str:
    field = Settings.model_fields.get(name)
    if field is None or field.annotation is SecretStr:
        return _HIDDEN
    return shortened(Redaction(())(str(value)), _LONGEST)


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
