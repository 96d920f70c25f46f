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
from graph.tuning.attempts import AttemptLog, ordinal, percent
from graph.tuning.config_versions import ConfigVersions, Version, digest_of
from graph.tuning.write_back import Proposal
from memory.errors import ConfigError
from memory.tuning.gain_bound import required_confidence
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
        console.print("Nothing is written (--dry-run). The change would be require_gain.")
        return
    version = write_back.apply(read)
    console.print(f"Written to {CONFIG_FILE}. {_NEXT_TURN} `goat tune rollback` undoes it.")
    _print_kept(console, version)


@app.command()
def rollback(
    number: Annotated[
        int | None, typer.Argument(help="A version of `goat tune history`. [default: before the last apply]")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Also discard later edits by hand.")] = False,
) -> None:
    """Restore a former goat.toml, byte for byte."""
    console = Console(highlight=False, soft_wrap=True)
    version = write_back.rollback(number, even_if_edited=yes)
    done = "is restored" if version.after else "is removed: there was none before"
    console.print(f"{CONFIG_FILE} {done}. {_NEXT_TURN}")
    _print_kept(console, version)


@app.command()
def history() -> None:
    """List the former versions of goat.toml."""
    console, file = Console(highlight=False), ConfigVersions.here()
    if versions := file.versions():
        console.print(_table(versions))
        unedited = digest_of(file.read()) == versions[0].after
        console.print(Text(f"{CONFIG_FILE} {'is unchanged since then' if unedited else 'was edited since'}."))
    else:
        console.print(Text(f"`goat tune` has not changed {CONFIG_FILE} here."))
    console.print(Text(_attempts(AttemptLog(file.folder))), soft_wrap=True)


def _table(versions: list[Version]) -> Table:
    table = Table("version", "replaced", "by", "written then", "gain", box=None, header_style="dim")
    for version in versions:
        tuned = version.tuned
        written = ", ".join(f"{name} = {value}" for name, value in tuned.thresholds.items()) if tuned else ""
        gain = f"{tuned.gain:+.3f}, at least {tuned.gain_at_least:+.3f}" if tuned else ""
        at = f"{version.at.astimezone():%Y-%m-%d %H:%M}"
        table.add_row(str(version.number), at, version.action, Text(printable(written)), gain)
    return table


def _attempts(tries: AttemptLog) -> str:
    """Describe how often the latest held-out turns were used, and the confidence that the next try needs."""
    try:
        latest = tries.all()[-1:]
    except ConfigError as error:
        return str(error)
    if not latest:
        return "No change has been tried on held-out turns here."
    number = tries.number(latest[0])
    return (
        f"The latest change was the {ordinal(number)} tried on its held-out turns; another one needs "
        f"{percent(required_confidence(number + 1))} confidence there."
    )


def show(console: Console, proposal: Proposal) -> None:
    """Print a proposal's changes, its figures before and after, and its gain on held-out turns."""
    table = Table("", "before", "after", box=None, header_style="dim")
    for change in proposal.changes:
        table.add_row(*(Text(printable(str(part))) for part in (change.name, change.before, change.after)))
    figures = proposal.result.figures
    for name in dict.fromkeys([*figures.before, *figures.after]):
        values = (_number(figures.before.get(name)), _number(figures.after.get(name)))
        table.add_row(Text(printable(name), style="dim"), *values)
    console.print(table)
    if proposal.gain is not None:
        console.print(_gain(proposal.gain, proposal.number))


def _gain(gain: Gain, number: int) -> str:
    tried = f" It is the {ordinal(number)} change tried on these turns." if number > 1 else ""
    return (
        f"Held out: {gain.turns} turns of {gain.groups} conversations, {gain.changed} of them different from "
        f"before. A turn gains {gain.mean:+.4f} on average, and with {percent(gain.confidence)} confidence "
        f"at least {gain.at_least:+.4f}.{tried}"
    )


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4g}"


def _print_kept(console: Console, version: Version) -> None:
    if version.before:
        kept = f"The former file is version {version.number}: `goat tune rollback {version.number}`."
        console.print(kept, style="dim")
