"""`goat replay`: repeat the recall decisions of past turns, optionally with other settings."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.commands.command_app import (
    ChangedThresholds,
    Owner,
    ResultsFile,
    command_settings,
    read_time,
    with_thresholds,
)
from bot.presentation.command_output import ProgressBars, results_file
from bot.printable import printable, show, snippet
from graph.layers import Layers, open_layers
from graph.replay.comparison import ChangedTurn, Comparison, MemoryChange
from graph.replay.imported_turns import ImportedTurns
from graph.replay.replay_plan import ReplayPlan
from graph.replay.replayer import Replayer
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.tuning.write_checks import DECIDING

LISTED = 10
"""Maximum number of changed turns in the report."""
NAMED = 3
"""Maximum number of turns in the report whose decisions differ from the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    owner: str
    since: str = ""
    until: str = ""
    settings: Sequence[str] = ()
    """`KEY=VALUE` pairs."""
    imported: bool = False
    results: Path | None = None


def replay(
    owner: Owner = "",
    since: Annotated[str, typer.Option(help='Turns from then on: "2026-03-01", "today", "last week".')] = "",
    until: Annotated[str, typer.Option(help="Turns before then.")] = "",
    set_: ChangedThresholds = None,
    imported: Annotated[
        bool, typer.Option("--imported", help="First ask imported messages again, as they came.")
    ] = False,
    json_: ResultsFile = None,
) -> None:
    """Repeat the decisions of past turns, also with other settings.

    Each turn sees the archive as it was then; with `--set`, the report says what would change.

    With `--imported`, each imported message first searches what was said before it, which is recorded like a
    turn. No model is called; after an interruption, the same command continues.

    Without `--set` every decision must equal the recorded one; otherwise the exit code is 1.
    """
    settings = command_settings()
    options = ReplayOptions(
        owner=owner or settings.owner,
        since=since,
        until=until,
        settings=set_ or (),
        imported=imported,
        results=json_,
    )
    different = asyncio.run(run_replay(settings, options))
    if different and not set_:
        raise typer.Exit(1)


async def run_replay(settings: Settings, options: ReplayOptions) -> int:
    """Replay, print a report, and return how many turns were not decided as recorded."""
    console = Console(highlight=False)
    changed = with_thresholds(TurnContext(), options.settings)  # validate before anything is opened

    def change(context: TurnContext) -> TurnContext:
        return with_thresholds(context, options.settings)

    async with open_layers(settings) as layers:
        if changed.gap_calibration:
            await layers.live.require(changed.gap_calibration, layers.embeddings.name)
        with results_file(options.results, private=True) as write:
            if options.imported:
                await ask_imported(layers, options.owner, console)
            replayer = Replayer(layers, options.owner, change if options.settings else None)
            plan = await replayer.plan(
                await read_time(layers, options.since), await read_time(layers, options.until)
            )
            comparison = await _compare(layers, replayer, plan, options.owner, console)
            console.print(report(comparison, plan, options, layers.zone))
            write({"owner": options.owner, "set": list(options.settings), **comparison.as_json()})
    return len(comparison.different)


def set_names(settings: Sequence[str]) -> list[str]:
    """Return the names in `KEY=VALUE` pairs, normalised as `with_thresholds` does."""
    return [pair.partition("=")[0].strip().replace(".", "_") for pair in settings]


async def ask_imported(layers: Layers, owner: str, console: Console) -> None:
    """Run recall for the owner's imported messages, with a progress bar and a summary."""
    imports = ImportedTurns(layers, owner, await layers.live.context(owner))
    plan = await imports.plan()
    with ProgressBars(console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("imported messages asked", total=len(plan.messages))
        async for _ in imports.run(plan):
            progress.advance(task)
    left_out = "".join(f"; {count} left out: {why.value}" for why, count in plan.left_out.items())
    show(console, f"{len(plan.messages)} imported messages asked again, as they came{left_out}.")


async def _compare(
    layers: Layers, replayer: Replayer, plan: ReplayPlan, owner: str, console: Console
) -> Comparison:
    likings = {feedback.turn_id: feedback.good for feedback in await layers.feedback.all(owner=owner)}
    comparison = Comparison(likings)
    if not plan.replayed:
        return comparison
    with ProgressBars(console, transient=True, disable=not console.is_terminal) as progress:
        read = progress.add_task("turns read", total=len(plan.in_order()))
        task = progress.add_task("turns replayed", total=len(plan.replayed))
        async for replayed in replayer.run(plan, on_turn=partial(progress.advance, read)):
            comparison.add(replayed)
            progress.advance(task)
    return comparison


def report(
    comparison: Comparison, plan: ReplayPlan, options: ReplayOptions, zone: tzinfo = UTC
) -> RenderableType:
    """Render the report, with times in `zone`."""
    parts: list[RenderableType] = []
    if not comparison.turns:
        when = " in that time" if options.since.strip() or options.until.strip() else ""
        parts.append(Text(f"No turn of {printable(options.owner)} to replay{when}."))
    else:
        parts.append(_reproduction(comparison, plan))
    for why, count in plan.left_out.items():
        parts.append(Text(f"{count} turns left out: {why.value}.", style="yellow"))
    parts += [Text(warning, style="yellow") for warning in _warnings(comparison, options.settings)]
    if options.settings and comparison.turns:
        parts += [Text(), _figures(comparison, options.settings)]
        parts += [_changed(turn, zone) for turn in comparison.changed[:LISTED]]
        if more := len(comparison.changed) - LISTED:
            parts.append(Text(f"\nand {more} more turns" if more > 0 else "", style="dim"))
    return Group(*parts)


def _warnings(comparison: Comparison, settings: Sequence[str]) -> Iterator[str]:
    """Yield what the replay could not reproduce."""
    for problem, count in comparison.problems.items():
        yield f"In {count} {'turn' if count == 1 else 'turns'}: {printable(problem)}"
    if unseen := [name for name in set_names(settings) if name not in DECIDING]:
        yield (
            f"Replay cannot show what {printable(', '.join(unseen))} would change: searches that "
            "timed out stay so, every search is repeated, and no tool is called."
        )


def _reproduction(comparison: Comparison, plan: ReplayPlan) -> Text:
    same = comparison.turns - len(comparison.different)
    if not comparison.different:
        return Text(
            f"{same} turns replayed; every decision equals the recorded one, byte for byte.", style="green"
        )
    names = printable(", ".join(comparison.different[:NAMED]))
    more = ", …" if len(comparison.different) > NAMED else "."
    zoneless = {observation.turn_id for observation in plan.replayed if not observation.zone}
    elsewhere = "in another time zone, " if zoneless.intersection(comparison.different) else ""
    return Text(
        f"{same} of {comparison.turns} turns were decided again as recorded. The others were decided by "
        f"another version, {elsewhere}or on data that is no longer there: {names}{more}",
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
