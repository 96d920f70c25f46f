"""Labelled past turns for tuning: settings are chosen on the earlier half, and tested on the later."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from bot.lab.past.past_turns import GRID, PastTurn, halves
from graph.settings.context import TurnContext
from memory.episodic.log.feedback_log import Label
from memory.recall.relevance import Calibration, data_digest
from memory.tuning.curves import TurnCounts, measure
from memory.tuning.held_out import HeldOut
from memory.tuning.resampling import Estimate, resampling
from memory.tuning.tuning_result import HeldOutFigures, TuningResult, Value

DATA = "own labels"
RECALL, FALSE = "recall", "false injections per 100 turns"
FLOOR = 0.9
"""Minimum recall of other settings, as a share of the recall of those in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPastTurn:
    """A past turn with a label for every offered memory."""

    turn: PastTurn
    relevant: frozenset[str]
    """Turn ids of the offered memories that help."""

    def shown(self, context: TurnContext, calibration: Calibration | None = None) -> list[str]:
        """Return the labelled memories that these settings would show.

        Unlabelled ones are left out: it is unknown whether they help.
        """
        known = {candidate.turn_id for candidate in self.turn.offered}
        return [memory for memory in self.turn.shown(context, calibration) if memory in known]

    def counts(self, shown: Collection[str]) -> TurnCounts:
        """Count the memories that help, are shown, and both, if the turn shows these labelled ones."""
        hits = len(self.relevant.intersection(shown))
        return TurnCounts(group=self.turn.day, hits=hits, shown=len(shown), relevant=len(self.relevant))

    def utility(self, context: TurnContext, calibration: Calibration | None = None) -> float:
        """Return the utility of the memories that these settings would show."""
        return self.counts(self.shown(context, calibration)).utility


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPoint:
    """Settings of the grid, and their utility on the turns to choose on."""

    changes: Mapping[str, Value]
    utility: float
    """Mean over the turns."""


def label_halves(turns: Collection[PastTurn], labels: Iterable[Label]) -> LabelledHalves:
    """Split the completely labelled turns."""
    said = {(label.turn_id, label.memory): label.relevant for label in labels}
    choosing, testing = (
        [
            LabelledPastTurn(
                turn=turn,
                relevant=frozenset(c.turn_id for c in turn.offered if said[turn.turn_id, c.turn_id]),
            )
            for turn in half
            if all((turn.turn_id, candidate.turn_id) in said for candidate in turn.offered)
        ]
        for half in halves([turn for turn in turns if turn.offered])
    )
    return LabelledHalves(choosing, testing)


def search_grid(
    turns: Sequence[LabelledPastTurn], base: TurnContext, grid: Mapping[str, Sequence[Value]] = GRID
) -> list[GridPoint]:
    """Evaluate every point of the grid, best first; of equals, the one with the fewest changes.

    Points below the minimum recall are left out, as are those that show nothing that helps.
    """
    least, found = least_recall(turns, base), list[GridPoint]()
    for values in product(*grid.values()):
        changes = dict(zip(grid, values, strict=True))
        context = with_changes(base, changes)
        if recall(turns, context) >= least:
            found.append(GridPoint(changes=changes, utility=mean_utility(turns, context)))
    found.sort(key=lambda one: (-round(one.utility, 6), len(_differences(base, one.changes))))
    return found


def least_recall(turns: Sequence[LabelledPastTurn], base: TurnContext) -> float:
    """Return the minimum recall; above 0, even if the settings in force recall nothing."""
    return max(FLOOR * recall(turns, base), sys.float_info.min)


def recall(
    turns: Sequence[LabelledPastTurn], context: TurnContext, calibration: Calibration | None = None
) -> float:
    """Return the mean share of helpful memories that are shown; 0 if no turn has any."""
    return figures(turns, context, calibration).get(RECALL, 0.0)


def silence(turns: Sequence[LabelledPastTurn]) -> dict[str, float]:
    """Return the figures of showing nothing at all, as a baseline."""
    return _figures([one.counts(()) for one in turns])


def mean_utility(
    turns: Sequence[LabelledPastTurn], context: TurnContext, calibration: Calibration | None = None
) -> float:
    """Return the mean of the turns' utility; 0 without turns."""
    return sum(one.utility(context, calibration) for one in turns) / max(len(turns), 1)


def estimate_utility(
    turns: Sequence[LabelledPastTurn], context: TurnContext, calibration: Calibration | None = None
) -> Estimate | None:
    """Return `mean_utility` with its interval, resampled by days; None without turns."""
    if not turns:
        return None
    values = [one.utility(context, calibration) for one in turns]
    return resampling([one.turn.day for one in turns]).estimate(values)


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
    both = [(one.utility(base), one.utility(after, calibration)) for one in labelled.testing]
    return TuningResult(
        made_at=made_at,
        embedding_model=model,
        data=labelled.data,
        thresholds=_differences(base, changes),
        baseline=base.plain(),
        calibration=calibration,
        chosen_on=frozenset(one.turn.day for one in labelled.choosing),
        held_out=tuple(
            HeldOut(group=one.turn.day, before=before, after=later)
            for one, (before, later) in zip(labelled.testing, both, strict=True)
        ),
        figures=HeldOutFigures(
            before=figures(labelled.testing, base),
            after=figures(labelled.testing, after, calibration),
        ),
        demonstration=demonstration,
    )


def figures(
    turns: Sequence[LabelledPastTurn], context: TurnContext, calibration: Calibration | None = None
) -> dict[str, float]:
    """Return the recall, false injections and memories per turn of the settings."""
    return _figures([one.counts(one.shown(context, calibration)) for one in turns])


def _figures(counts: Sequence[TurnCounts]) -> dict[str, float]:
    if not counts:
        return {}
    point = measure(counts)
    shares = {RECALL: point.recall, FALSE: point.false_injections}
    return {**{name: found.value for name, found in shares.items() if found}, "memories a turn": point.shown}


def _differences(base: TurnContext, changes: Mapping[str, Value]) -> dict[str, Value]:
    now = base.model_dump(mode="json")
    return {name: value for name, value in changes.items() if now[name] != value}
