"""What each threshold would mean, on labelled turns: the risk-coverage curve and the operating points."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memory.tuning.resampling import Estimate, Resampling, resampling
from memory.tuning.turn_score import COST

PER = 100
"""False injections are told per so many turns that nothing answers."""
GRID = (*(step / 20 for step in range(20)), 0.99, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTurn:
    """A message, and what became of it under some rule, before any threshold."""

    group: str
    """The conversation, or the day, that it is resampled with."""
    found: Sequence[tuple[float, bool]]
    """Of each memory found its probability, or another score, and whether it answers the message."""
    relevant: int
    """How many memories answer the message, found or not; 0 when nothing does."""

    @property
    def best(self) -> float:
        """The best score; minus infinity when nothing was found."""
        return max((score for score, _ in self.found), default=-np.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPoint:
    """A point of the risk-coverage curve (El-Yaniv & Wiener 2010)."""

    threshold: float
    coverage: Estimate
    """Share of all turns for which something is shown."""
    risk: Estimate | None
    """Share of those that nothing answers; None when nothing is shown for any turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """What holds when memories are shown from a threshold upwards; None where no turn says."""

    threshold: float
    recall: Estimate | None
    """Share of the memories that answer a message which are shown for it; mean over turns that have any."""
    answered: Estimate | None
    """Share of those turns for which anything is shown."""
    false_injections: Estimate | None
    """Turns for which something is shown, of a hundred that nothing answers."""
    utility: Estimate
    """Mean of `memory.tuning.turn_score.utility` over all turns."""


def risk_coverage(turns: Sequence[LabelledTurn], thresholds: Sequence[float] = GRID) -> list[RiskPoint]:
    """Return the curve, with a band that resamples whole groups."""
    again = resampling([turn.group for turn in turns])
    best = np.array([turn.best for turn in turns])
    empty = np.array([not turn.relevant for turn in turns], float)
    points = []
    for threshold in thresholds:
        shown = (best >= threshold).astype(float)
        coverage, risk = again.estimate(shown), again.estimate(empty, shown)
        assert coverage is not None  # noqa: S101 - every turn has weight there
        points.append(RiskPoint(threshold=threshold, coverage=coverage, risk=risk))
    return points


def operating_points(
    turns: Sequence[LabelledTurn], thresholds: Sequence[float] = GRID, *, cost: float = COST
) -> list[OperatingPoint]:
    """Return what each threshold would mean by itself, whatever break, budget or echo would cut besides."""
    again = resampling([turn.group for turn in turns])
    return [_point(again, turns, threshold, cost) for threshold in thresholds]


def choose(
    points: Sequence[OperatingPoint], *, most_false: float, surely: bool = False
) -> OperatingPoint | None:
    """Return the point of the highest recall with no more than `most_false` false injections of a hundred.

    Args:
        points: what there is to choose from.
        most_false: the limit.
        surely: hold the upper end of the interval to the limit instead of the estimate.
    """
    fine = [point for point in points if _false(point, surely=surely) <= most_false]
    return max(fine, key=lambda point: (_recall(point), point.threshold), default=None)


def _point(again: Resampling, turns: Sequence[LabelledTurn], threshold: float, cost: float) -> OperatingPoint:
    hits = np.array([sum(fits and score >= threshold for score, fits in turn.found) for turn in turns], float)
    shown = np.array([sum(score >= threshold for score, _ in turn.found) for turn in turns], float)
    there = np.array([turn.relevant for turn in turns], float)
    recall = np.divide(hits, there, out=np.zeros_like(hits), where=there > 0)
    noise = np.divide(shown - hits, shown, out=np.zeros_like(hits), where=shown > 0)
    useful = again.estimate(recall - cost * noise)
    assert useful is not None  # noqa: S101 - every turn has weight there
    return OperatingPoint(
        threshold=threshold,
        recall=again.estimate(recall, there > 0),
        answered=again.estimate(shown > 0, there > 0),
        false_injections=again.estimate(shown > 0, there == 0, scale=PER),
        utility=useful,
    )


def _false(point: OperatingPoint, *, surely: bool) -> float:
    wrong = point.false_injections
    return np.inf if wrong is None else wrong.high if surely else wrong.value


def _recall(point: OperatingPoint) -> float:
    return -1.0 if point.recall is None else point.recall.value
