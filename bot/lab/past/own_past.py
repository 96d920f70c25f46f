"""An owner's past turns in memory: `Past` is the entry point of tuning in a notebook."""

import asyncio
import json
import weakref
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Self

import pandas as pd

from bot.lab.notebook_agent import settings_in
from bot.lab.past.decided_past import TURN_COLUMNS, Decided, DecidedTurn, turn_row
from bot.lab.past.labelled_turns import turn_counts, with_changes
from bot.lab.past.labels import LabelledPastTurn, Labels, WeakLabel, check_found, weak_labels
from bot.lab.past.notebook_archive import NotebookArchive, label as answer_all, open_archive, react
from bot.lab.past.past_turns import PastTurn, draw_sample, past_turns
from bot.lab.past.session import LabellingSession
from bot.lab.past.threshold_ranges import steps_of
from bot.lab.widgets import ProgressWidget
from graph.replay.imported_turns import ImportedTurns
from graph.replay.replay_plan import ReplayPlan
from graph.replay.replayer import Replayer
from graph.settings.context import TurnContext
from graph.tuning.write_checks import DECIDING
from memory.errors import ConfigError
from memory.tuning.curves import OperatingPoint, measure
from memory.tuning.resampling import resampling
from memory.tuning.tuning_result import Value

SEARCHED = ("fusion_dense", "fusion_lexical", "fusion_neighbours", "gap_calibration")
"""Thresholds that need another search, or another calibration."""
KEPT = 16
"""Maximum number of settings whose decisions are cached."""


class Past:
    """An owner's past turns, to be decided again with any thresholds; nothing is written but labels.

    Each turn searches once, when the past is opened, in the archive as it was then. What it found stays in
    memory, so `decide` reads no store. Open it with `Past.open`, and close it with `close`.
    """

    def __init__(self, archive: NotebookArchive, stack: AsyncExitStack) -> None:
        self._archive, self._stack = archive, stack
        self.layers, self.owner = archive.layers, archive.owner
        self.in_force: TurnContext = self.layers.settings.turn_context(self.owner)
        """The settings in force when the past was opened."""
        self.labels = Labels(self.layers.labels, self.owner)
        self.past_turns: Sequence[PastTurn] = ()
        """The turns, oldest first."""
        self.plan = ReplayPlan()
        self._since: datetime | None = None
        self._decided = lru_cache(KEPT)(self._decide)
        self._swept = lru_cache(KEPT)(self._sweep)

    @classmethod
    async def open(
        cls, owner: str = "", *, since: str = "", folder: Path | str = ".", demonstration: bool = True
    ) -> Self:
        """Search again for every recorded turn of an owner, in the archive as it was.

        Args:
            owner: by default the configured one.
            since: only turns from then on, such as "2026-03-01" or "last month".
            folder: where goat.toml and .env are.
            demonstration: if no owner is named and nothing is recorded or imported, open an invented archive.

        Raises:
            ConfigError: a setting or `since` is not understood, or there is nothing to open.
            MemoryTierError: the archive cannot be read.
        """
        pd.set_option("display.html.use_mathjax", False)  # texts are no formulas, which can hold links
        settings = settings_in(Path(folder))
        counting = partial(ProgressWidget, "turns of the demonstration") if demonstration else None
        async with AsyncExitStack() as stack:
            archive = await stack.enter_async_context(open_archive(settings, owner, counting=counting))
            past = cls(archive, stack)
            if since.strip():
                past._since = archive.read_since(since)
            await past.read()
            past._stack = stack.pop_all()
        weakref.finalize(past, _close_dropped, past._stack, asyncio.get_running_loop()).atexit = False
        return past

    async def read(self) -> None:
        """Read turns and labels again, such as those recorded since."""
        replayer = Replayer(self.layers, self.owner)
        self.plan = await replayer.plan(self._since)
        searched = ProgressWidget("turns searched again", len(self.plan.replayed))
        self.past_turns = await past_turns(
            self.layers, self.owner, self.in_force, plan=self.plan, on_turn=searched
        )
        self._decided.cache_clear()
        self._swept.cache_clear()
        await self.labels.reload()

    async def ask_imported(self) -> None:
        """Run recall for each imported message, record it as turns do, and read all again, without a model.

        Each message searches what was said before it. After an interruption, the next call continues.
        """
        imports = ImportedTurns(self.layers, self.owner, self.in_force)
        plan = await imports.plan()
        asked = ProgressWidget("imported messages asked", len(plan.messages))
        async for _ in imports.run(plan):
            asked()
        await self.read()

    async def close(self) -> None:
        """Close the stores."""
        await self._stack.aclose()

    @property
    def is_demonstration(self) -> bool:
        """True if the archive is invented."""
        return self._archive.demonstration is not None

    def __str__(self) -> str:
        """Describe the archive, what was decided again as recorded, and what is left out."""
        same = sum(turn.reproduced for turn in self.past_turns)
        lines = [str(self._archive), f"{same} of {len(self.past_turns)} turns are decided again as recorded."]
        lines += [f"{count} turns left out: {why.value}." for why, count in self.plan.left_out.items()]
        if self._since and self.plan.outside:
            start = f"{self._since.astimezone(self.layers.zone):%Y-%m-%d %H:%M}"
            lines.append(f"{self.plan.outside} turns left out: before {start}, by `since`.")
        return "\n".join(lines)

    @property
    def turns(self) -> pd.DataFrame:
        """A row for each turn, oldest first."""
        rows = [turn_row(one, labelled=self.labels.done(one.turn)) for one in self.decide().turns]
        empty = pd.DataFrame(columns=list(TURN_COLUMNS)).astype(TURN_COLUMNS)
        return (pd.DataFrame(rows) if rows else empty).set_index("turn")

    def decide(self, **thresholds: Value) -> Decided:
        """Decide all turns again with other thresholds, such as `gap_threshold=0.6`.

        Raises:
            ConfigError: a threshold is unknown, or needs another search.
            ValidationError: a value is out of its range.
        """
        context = self.with_thresholds(thresholds)
        return Decided(
            context=context,
            turns=self._decided(json.dumps(context.plain())),
            in_force=self._decided(json.dumps(self.in_force.plain())),
            labels=self.labels,
        )

    def with_thresholds(self, thresholds: Mapping[str, Value]) -> TurnContext:
        """Return the settings in force with other thresholds; see `decide`."""
        context = with_changes(self.in_force, thresholds) if self._known(thresholds) else self.in_force
        more = context.prefetch_results > self.in_force.prefetch_results
        if others := [name for name in SEARCHED if name in thresholds] + ["prefetch_results"] * more:
            raise ConfigError(
                f"{', '.join(others)} cannot be decided here: the past was searched once, with the settings "
                "in force. See what it changes with `goat replay --set`."
            )
        return context

    @staticmethod
    def _known(thresholds: Mapping[str, Value]) -> bool:
        if unknown := sorted(thresholds.keys() - DECIDING):
            raise ConfigError(
                f"Unknown threshold {unknown[0]}. Those that decide: {', '.join(sorted(DECIDING))}."
            )
        return bool(thresholds)

    def _decide(self, plain: str) -> Sequence[DecidedTurn]:
        context = with_changes(self.in_force, json.loads(plain))
        return [DecidedTurn(turn, turn.decide(context)) for turn in self.past_turns]

    def sweep(
        self,
        steps: Sequence[float] | None = None,
        *,
        name: str = "gap_threshold",
        others: Mapping[str, Value] | None = None,
    ) -> Sequence[OperatingPoint]:
        """Return the metrics of each value of a threshold on the labelled turns; empty without any.

        Each step repeats the whole decision. Bands resample whole days, whose messages are not independent.
        Without `steps`, 21 over the range of the threshold's slider are tried; `others` apply at each step.
        """
        values = steps_of(name, self.in_force, steps)
        thresholds = json.dumps(dict(others or {}), default=lambda value: value.item())  # numpy's numbers
        return self._swept(name, values, thresholds, self.labels.revision)

    def _sweep(self, name: str, steps: Sequence[float], thresholds: str, _: int) -> list[OperatingPoint]:
        turns, others = self.labelled, json.loads(thresholds)
        again = resampling([one.turn.day for one in turns]) if turns else None
        contexts = [(step, self.with_thresholds({**others, name: step})) for step in steps]
        return [measure(turn_counts(turns, context), step, again) for step, context in contexts if turns]

    @property
    def labelled(self) -> list[LabelledPastTurn]:
        """The turns whose offered memories all have a label."""
        return [self.labels.labelled(turn) for turn in self.past_turns if self.labels.done(turn)]

    async def label(self, turn: str, memory: str, *, helps: bool | None) -> None:
        """Save whether a memory helps with a turn's message; None deletes the label.

        Raises:
            ConfigError: the past has no such turn, or the turn did not find the memory.
        """
        if (turn, memory) not in self.labels.answers:  # the turn of an earlier label may be left out by now
            check_found(self.past_turns, turn, memory)
        await self.labels.set(turn, memory, helps=helps)

    async def reactions(self) -> list[WeakLabel]:
        """Return a weak label for each memory in an answer that somebody reacted to."""
        if self._archive.demonstration is not None:
            await react(self._archive.demonstration, self.past_turns, self._archive.gold)
        feedback = await self.layers.feedback.all(owner=self.owner)
        return weak_labels(feedback, await self.layers.observations.all(owner=self.owner))

    def session(self) -> LabellingSession:
        """Return a labelling session over turns drawn at random, whose answers count at once."""
        return LabellingSession(self.labels, draw_sample(self.past_turns))

    async def label_demonstration(self, session: LabellingSession) -> None:
        """Answer a session as the demonstration's data set does; do nothing in one's own archive."""
        if self.is_demonstration:
            await answer_all(session, self._archive.gold)


def _close_dropped(stack: AsyncExitStack, loop: asyncio.AbstractEventLoop) -> None:
    """Close the stores of a past that nobody closed, such as one whose cell is run again."""
    if loop.is_running():
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop)
