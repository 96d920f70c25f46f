"""Effects of thresholds on labelled turns: operating points."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memory.tuning.held_out import COST
from memory.tuning.resampling import Estimate, Resampling, resampling

PER = 100
"""False injections are counted per this many turns without an answer in the archive."""
GRID = (*(step / 20 for step in range(20)), 0.99, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTurn:
    """A message and its scored memories, before any threshold."""

    group: str
    """Unit of resampling: the conversation or the day."""
    found: Sequence[tuple[float, bool]]
    """For each memory found its score, such as a probability, and whether it answers the message."""
    relevant: int
    """Number of memories that answer the message, found or not."""

    @property
    def best(self) -> float:
        """The best score; minus infinity without memories."""
        return max((score for score, _ in self.found), default=-np.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """Metrics of a threshold; None where no turn counts."""

    threshold: float
    recall: Estimate | None
    """Share of a message's answers that are shown; mean over turns with an answer."""
    answered: Estimate | None
    """Share of turns with an answer that show a memory."""
    false_injections: Estimate | None
    """Turns that show a memory, per hundred turns without an answer."""
    utility: Estimate
    """Mean of `memory.tuning.held_out.utility` over all turns."""

    @property
    def risk(self) -> tuple[float, Estimate | None, Estimate | None]:
        """The threshold with its coverage and risk (El-Yaniv & Wiener 2010)."""
        return self.threshold, self.answered, self.false_injections


def operating_points(
    turns: Sequence[LabelledTurn], thresholds: Sequence[float] = GRID
) -> list[OperatingPoint]:
    """Return the metrics of each threshold alone, without the cuts of break, budget and echo."""
    again = resampling([turn.group for turn in turns])
    return [_point(again, turns, threshold) for threshold in thresholds]


def choose(points: Sequence[OperatingPoint], *, most_false: float) -> OperatingPoint | None:
    """Return the point of highest recall with at most `most_false` false injections of a hundred."""
    fine = [
        point for point in points if point.false_injections and point.false_injections.value <= most_false
    ]
    return max(fine, key=lambda point: (_recall(point), point.threshold), default=None)


def _point(again: Resampling, turns: Sequence[LabelledTurn], threshold: float) -> OperatingPoint:
    hits = np.array([sum(fits and score >= threshold for score, fits in turn.found) for turn in turns], float)
    shown = np.array([sum(score >= threshold for score, _ in turn.found) for turn in turns], float)
    there = np.array([turn.relevant for turn in turns], float)
    recall = np.divide(hits, there, out=np.zeros_like(hits), where=there > 0)
    noise = np.divide(shown - hits, shown, out=np.zeros_like(hits), where=shown > 0)
    useful = again.estimate(recall - COST * noise)
    assert useful is not None  # noqa: S101 - every turn has weight there
    return OperatingPoint(
        threshold=threshold,
        recall=again.estimate(recall, there > 0),
        answered=again.estimate(shown > 0, there > 0),
        false_injections=again.estimate(shown > 0, there == 0, scale=PER),
        utility=useful,
    )


def _recall(point: OperatingPoint) -> float:
    return -1.0 if point.recall is None else point.recall.value
