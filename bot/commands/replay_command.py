"""`goat replay`: decide again what past turns were shown, with other settings if need be."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from bot.commands.command_app import Owner, command_app, command_settings
from bot.lab.bench.output import results_file
from bot.lab.bench.thresholds import with_thresholds
from bot.printable import printable, snippet
from graph.layers import Layers, open_layers
from graph.replay.comparison import ChangedTurn, Comparison, MemoryChange
from graph.replay.replay_plan import Plan
from graph.replay.replayer import Replayer
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.tuning.write_checks import DECIDING
from memory.errors import ConfigError
from memory.temporal.named_bound import read_bound

SHOWN = 10
"""Changed turns that are listed."""
NAMED = 3
"""Turns that are named when they were not decided as recorded."""

app = command_app()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be replayed."""

    owner: str
    since: str = ""
    until: str = ""
    settings: Sequence[str] = ()
    """`KEY=VALUE` each."""
    results: Path | None = None


@app.command()
def replay(
    owner: Owner = "",
    since: Annotated[str, typer.Option(help='Turns from then on: "2026-03-01", "today", "last week".')] = "",
    until: Annotated[str, typer.Option(help="Turns before then.")] = "",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A threshold to replay with.")
    ] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Where the results go, as JSON.")] = None,
) -> None:
    """Decide past turns again, with other settings if need be.

    Each is decided on the archive as it was then; with `--set` it is said what would change.

    Without `--set` every decision must be the recorded one: it ends with 1 when one is not.
    """
    settings = command_settings()
    wish = Wish(owner=owner or settings.owner, since=since, until=until, settings=set_ or (), results=json_)
    different = asyncio.run(run_replay(settings, wish))
    if different and not set_:
        raise typer.Exit(1)


async def run_replay(settings: Settings, wish: Wish) -> int:
    """Replay, print what would have changed, and return how many turns were not decided as recorded.

    Raises:
        ConfigError: a time or a threshold is refused; says what is allowed.
        MemoryTierError: what is replayed cannot be read.
    """
    console = Console(highlight=False)
    wished = _wished(wish.settings)  # refused before anything is opened

    def change(context: TurnContext) -> TurnContext:
        return with_thresholds(context, wish.settings)

    async with open_layers(settings) as layers:
        if wished.gap_calibration:
            await layers.live.require(wished.gap_calibration, layers.embeddings.name)
        with results_file(wish.results, private=True) as write:
            replayer = Replayer(layers, wish.owner, change if wish.settings else None)
            plan = await replayer.plan(await _time(layers, wish.since), await _time(layers, wish.until))
            comparison = await _replayed(layers, replayer, plan, wish.owner, console)
            console.print(shown(comparison, plan, wish, await layers.zone()))
            write({"owner": wish.owner, "set": list(wish.settings), **comparison.as_json()})
    return len(comparison.different)


def _wished(settings: Sequence[str]) -> TurnContext:
    """Read the thresholds to replay with.

    Raises:
        ConfigError: one is refused, or given twice.
    """
    wished, names = with_thresholds(TurnContext(), settings), set_names(settings)
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise ConfigError(f"--set {twice} is given {names.count(twice)} times: give it once.")
    return wished


def set_names(settings: Sequence[str]) -> list[str]:
    """Return the names in `KEY=VALUE` pairs, as `with_thresholds` reads them."""
    return [pair.partition("=")[0].strip().replace(".", "_") for pair in settings]


async def _replayed(
    layers: Layers, replayer: Replayer, plan: Plan, owner: str, console: Console
) -> Comparison:
    likings = {feedback.turn_id: feedback.good for feedback in await layers.feedback.all(owner=owner)}
    comparison = Comparison(likings)
    if not plan.replayed:
        return comparison
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        read = progress.add_task("turns read", total=len(plan.in_order()))
        task = progress.add_task("turns replayed", total=len(plan.replayed))
        async for replayed in replayer.run(plan, on_turn=partial(progress.advance, read)):
            comparison.add(replayed)
            progress.advance(task)
    return comparison


async def _time(layers: Layers, text: str) -> datetime | None:
    if not text.strip():
        return None
    zone = await layers.zone()
    try:
        return await asyncio.to_thread(read_bound, text, now=datetime.now(UTC), zone=zone)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def shown(comparison: Comparison, plan: Plan, wish: Wish, zone: tzinfo = UTC) -> RenderableType:
    """Draw the report, with times in `zone`."""
    parts: list[RenderableType] = []
    if not comparison.turns:
        when = " in that time" if wish.since.strip() or wish.until.strip() else ""
        parts.append(Text(f"No turn of {printable(wish.owner)} to replay{when}."))
    else:
        parts.append(_sameness(comparison, plan))
    for why, count in plan.left_out.items():
        parts.append(Text(f"{count} turns left out: {why.value}.", style="yellow"))
    parts += [Text(warning, style="yellow") for warning in _warnings(comparison, wish.settings)]
    if wish.settings and comparison.turns:
        parts += [Text(), _figures(comparison, wish.settings)]
        parts += [_changed(turn, zone) for turn in comparison.changed[:SHOWN]]
        if more := len(comparison.changed) - SHOWN:
            parts.append(Text(f"\nand {more} more turns" if more > 0 else "", style="dim"))
    return Group(*parts)


def _warnings(comparison: Comparison, settings: Sequence[str]) -> Iterator[str]:
    """Say what the figures cannot tell."""
    for problem, count in comparison.problems.items():
        yield f"In {count} {'turn' if count == 1 else 'turns'}: {printable(problem)}"
    if unseen := [name for name in set_names(settings) if name not in DECIDING]:
        yield (
            f"Replay cannot show what {printable(', '.join(unseen))} would change: what was late stays late, "
            "every search is made anew, and no tool is called."
        )


def _sameness(comparison: Comparison, plan: Plan) -> Text:
    same = comparison.turns - len(comparison.different)
    if not comparison.different:
        return Text(
            f"{same} turns replayed; every decision is the recorded one, byte for byte.", style="green"
        )
    names = printable(", ".join(comparison.different[:NAMED]))
    more = ", …" if len(comparison.different) > NAMED else "."
    zoneless = {observation.turn_id for observation in plan.replayed if not observation.zone}
    elsewhere = "in another time zone, " if zoneless.intersection(comparison.different) else ""
    return Text(
        f"{same} of {comparison.turns} turns were decided again as recorded. What differs was decided by "
        f"another version, {elsewhere}or on what is no longer there: {names}{more}",
        style="yellow",
    )


def _figures(comparison: Comparison, settings: Sequence[str]) -> Table:
    before, after, turns = comparison.before, comparison.after, comparison.turns
    table = Table(box=None, pad_edge=False)
    for name in ("", "as it was", f"with {printable(', '.join(settings))}"):
        table.add_column(name, justify="right" if name else "left")
    table.add_row(
        "turns with memory", _share(before.turns_with_memory, turns), _share(after.turns_with_memory, turns)
    )
    table.add_row("memories shown", str(before.memories), str(after.memories))
    for name, ours, theirs in (
        ("tokens of memory a turn", before.tokens_of_memory, after.tokens_of_memory),
        ("tokens of conversation a turn", before.tokens_of_conversation, after.tokens_of_conversation),
    ):
        table.add_row(name, f"{ours / turns:.0f}", f"{theirs / turns:.0f}")
    if before.liked or after.liked:
        table.add_row("memories shown in liked answers", str(before.liked), str(after.liked))
    if before.disliked or after.disliked:
        table.add_row("memories shown in disliked answers", str(before.disliked), str(after.disliked))
    table.add_row("turns that change", "", _share(len(comparison.changed), turns))
    return table


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})"


def _changed(turn: ChangedTurn, zone: tzinfo) -> Text:
    text = Text(f"\n{turn.at.astimezone(zone):%Y-%m-%d %H:%M}  {snippet(turn.message)}", style="bold")
    for sign, style, moved in (("+", "green", turn.added), ("-", "red", turn.removed)):
        for memory in moved:
            text.append(f"\n  {sign} {_line(memory, zone)}", style=f"not bold {style}")
    return text


def _line(memory: MemoryChange, zone: tzinfo) -> str:
    day = f"{memory.at.astimezone(zone):%Y-%m-%d}"
    return f"{day}  {memory.probability:>4.0%}  {memory.rule:<12}  {snippet(memory.message)}"
