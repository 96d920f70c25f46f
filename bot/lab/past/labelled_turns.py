"""Labelled past turns for tuning: settings are chosen on the earlier half, and tested on the later."""

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from bot.lab.past.labels import LabelledPastTurn, Labels
from bot.lab.past.past_turns import GRID, PastTurn, halves
from graph.settings.context import TurnContext
from memory.recall.relevance import Calibration, data_digest
from memory.tuning.curves import TurnCounts, measure, scored
from memory.tuning.tuning_result import HeldOutFigures, TuningResult, Value

DATA = "own labels"
RECALL, FALSE = "recall", "false injections per 100 turns"
FLOOR = 0.9
"""Minimum recall of other settings, as a share of the recall of those in force."""


@dataclass(frozen=True, slots=True)
class LabelledHalves:
    """All labelled turns, split in halves."""

    choosing: Sequence[LabelledPastTurn]
    """From the earlier half."""
    testing: Sequence[LabelledPastTurn]
    """From the later half, drawn at random."""

    @property
    def data(self) -> dict[str, str]:
        """Digest of these labels."""
        said = [
            [one.turn.turn_id, candidate.turn_id, candidate.turn_id in one.relevant]
            for one in (*self.choosing, *self.testing)
            for candidate in one.turn.offered
        ]
        return {DATA: data_digest(sorted(said))}


def label_halves(turns: Collection[PastTurn], labels: Labels) -> LabelledHalves:
    """Split the completely labelled turns."""
    choosing, testing = (
        [labels.labelled(turn) for turn in half if labels.done(turn)]
        for half in halves([turn for turn in turns if turn.offered])
    )
    return LabelledHalves(choosing, testing)


def search_grid(
    turns: Sequence[LabelledPastTurn], base: TurnContext, grid: Mapping[str, Sequence[Value]] = GRID
) -> list[Mapping[str, Value]]:
    """Return the points of the grid, best mean utility first; of equals, the one with the fewest changes.

    Points below the minimum recall are left out, as are those that show nothing that helps.
    """
    least, found = least_recall(turns, base), list[tuple[Mapping[str, Value], float]]()
    for values in product(*grid.values()):
        changes = dict(zip(grid, values, strict=True))
        counts = turn_counts(turns, with_changes(base, changes))
        if _figures(counts).get(RECALL, 0.0) >= least:
            found.append((changes, sum(one.utility for one in counts) / len(counts)))
    found.sort(key=lambda one: (-round(one[1], 6), len(_differences(base, one[0]))))
    return [changes for changes, _ in found]


def least_recall(turns: Sequence[LabelledPastTurn], base: TurnContext) -> float:
    """Return the minimum recall; above 0, even if the settings in force recall nothing."""
    return max(FLOOR * figures(turns, base).get(RECALL, 0.0), sys.float_info.min)


def silence(turns: Sequence[LabelledPastTurn]) -> dict[str, float]:
    """Return the figures of showing nothing at all, as a baseline."""
    return _figures([one.counts(()) for one in turns])


def turn_counts(
    turns: Sequence[LabelledPastTurn], context: TurnContext, calibration: Calibration | None = None
) -> list[TurnCounts]:
    """Count the labelled memories that these settings would show in each turn."""
    return [one.counts(one.turn.shown(context, calibration)) for one in turns]


def with_changes(base: TurnContext, changes: Mapping[str, Value]) -> TurnContext:
    """Return a context with changed thresholds, validated."""
    return TurnContext.model_validate({**base.model_dump(), **changes})


def tuning_result(
    labelled: LabelledHalves,
    base: TurnContext,
    changes: Mapping[str, Value],
    *,
    model: str,
    made_at: datetime,
    calibration: Calibration | None = None,
    demonstration: bool = False,
) -> TuningResult | None:
    """Score the held-out turns with the settings before and after; None when nothing changes.

    Also None without turns to choose on. `demonstration` marks the turns as invented.
    """
    after = with_changes(base, changes)
    if not labelled.choosing or (calibration is None and not _differences(base, changes)):
        return None
    before, later = turn_counts(labelled.testing, base), turn_counts(labelled.testing, after, calibration)
    return TuningResult(
        made_at=made_at,
        embedding_model=model,
        data=labelled.data,
        thresholds=_differences(base, changes),
        baseline=base.plain(),
        calibration=calibration,
        chosen_on=frozenset(one.turn.day for one in labelled.choosing),
        held_out=tuple(scored(before, later)),
        figures=HeldOutFigures(before=_figures(before), after=_figures(later)),
        demonstration=demonstration,
    )


def figures(
    turns: Sequence[LabelledPastTurn], context: TurnContext, calibration: Calibration | None = None
) -> dict[str, float]:
    """Return the recall, false injections and memories per turn of the settings."""
    return _figures(turn_counts(turns, context, calibration))


def _figures(counts: Sequence[TurnCounts]) -> dict[str, float]:
    if not counts:
        return {}
    point = measure(counts)
    shares = {RECALL: point.recall, FALSE: point.false_injections}
    return {**{name: found.value for name, found in shares.items() if found}, "memories a turn": point.shown}


def _differences(base: TurnContext, changes: Mapping[str, Value]) -> dict[str, Value]:
    now = base.model_dump(mode="json")
    return {name: value for name, value in changes.items() if now[name] != value}
