"""Effects of thresholds on labelled turns: operating points, and the baselines to beat."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from memory.tuning.held_out import HeldOut, utility
from memory.tuning.resampling import Estimate, Resampling, resampling

PER = 100
"""False injections are counted per this many turns without an answer in the archive."""
GRID = (*(step / 20 for step in range(20)), 0.99, 1.0)
ALWAYS = 3
"""Memories that the baseline `BEST` shows."""
NOTHING, BEST = "show nothing", f"always the best {ALWAYS}"
"""Baselines: settings that do not beat both are of no use."""


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
class TurnCounts:
    """Numbers of a turn's memories under some settings."""

    group: str
    """Unit of resampling: the conversation or the day."""
    hits: int
    """Shown memories that answer the message."""
    shown: int
    relevant: int
    """Memories that answer it, shown or not."""

    @classmethod
    def of(cls, group: str, shown: Collection[str], relevant: Collection[str]) -> Self:
        """Count the memories of these turn ids."""
        hits = len({*relevant}.intersection(shown))
        return cls(group=group, hits=hits, shown=len(shown), relevant=len(relevant))

    @property
    def utility(self) -> float:
        """`memory.tuning.held_out.utility` of the turn."""
        return utility(self.hits, self.shown, self.relevant)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """Metrics of a threshold; None where no turn counts."""

    threshold: float
    turns: int
    """Turns measured."""
    shown: float
    """Memories shown per turn."""
    recall: Estimate | None
    """Share of a message's answers that are shown; mean over turns with an answer."""
    precision: Estimate | None
    """Share of all shown memories that answer; None when nothing is shown."""
    answered: Estimate | None
    """Share of turns with an answer that show a memory."""
    false_injections: Estimate | None
    """Turns that show a memory, per hundred turns without an answer."""
    utility: Estimate
    """Mean of `memory.tuning.held_out.utility` over all turns."""

    @property
    def noise(self) -> Estimate | None:
        """Share of all shown memories that do not answer."""
        found = self.precision
        return found and Estimate(value=1 - found.value, low=1 - found.high, high=1 - found.low)

    @property
    def risk(self) -> tuple[float, Estimate | None, Estimate | None]:
        """The threshold with its coverage and risk (El-Yaniv & Wiener 2010)."""
        return self.threshold, self.answered, self.false_injections


def operating_points(
    turns: Sequence[LabelledTurn], thresholds: Sequence[float] = GRID
) -> list[OperatingPoint]:
    """Return the metrics of each threshold alone, without the cuts of break, budget and echo."""
    again = resampling([turn.group for turn in turns])
    return [measure([_at(turn, threshold) for turn in turns], threshold, again) for threshold in thresholds]


def always(turns: Sequence[LabelledTurn], most: int = ALWAYS) -> OperatingPoint:
    """Return the metrics of always showing the best `most` memories, whatever their scores."""
    return measure([_at(replace(turn, found=sorted(turn.found, reverse=True)[:most])) for turn in turns])


def never(turns: Sequence[LabelledTurn]) -> OperatingPoint:
    """Return the metrics of showing nothing at all."""
    return measure([_at(turn, np.inf) for turn in turns])


def baseline_points(turns: Sequence[LabelledTurn]) -> dict[str, OperatingPoint]:
    """Return the metrics of both baselines by name; empty without turns."""
    return {NOTHING: never(turns), BEST: always(turns)} if turns else {}


def measure(
    turns: Sequence[TurnCounts], threshold: float = np.nan, again: Resampling | None = None
) -> OperatingPoint:
    """Return the metrics of what the turns were shown.

    Args:
        turns: at least one.
        threshold: the threshold of their decisions, if any.
        again: resamples of these turns' groups, if drawn already.
    """
    again = again or resampling([turn.group for turn in turns])
    hits, shown, there = (
        np.array([getattr(turn, name) for turn in turns], float) for name in ("hits", "shown", "relevant")
    )
    recall = np.divide(hits, there, out=np.zeros_like(hits), where=there > 0)
    fitting = np.divide(hits, shown, out=np.zeros_like(hits), where=shown > 0)
    useful = again.estimate([turn.utility for turn in turns])
    assert useful is not None  # noqa: S101 - every turn has weight there
    return OperatingPoint(
        threshold=threshold,
        turns=len(turns),
        shown=float(shown.mean()),
        recall=again.estimate(recall, there > 0),
        precision=again.estimate(fitting, shown),
        answered=again.estimate(shown > 0, there > 0),
        false_injections=again.estimate(shown > 0, there == 0, scale=PER),
        utility=useful,
    )


def scored(before: Sequence[TurnCounts], after: Sequence[TurnCounts]) -> list[HeldOut]:
    """Score the same turns with the settings before and after."""
    return [
        HeldOut(group=one.group, before=one.utility, after=then.utility)
        for one, then in zip(before, after, strict=True)
    ]


def choose(points: Sequence[OperatingPoint], *, most_false: float) -> OperatingPoint | None:
    """Return the point of highest recall with at most `most_false` false injections of a hundred."""
    fine = [
        point for point in points if point.false_injections and point.false_injections.value <= most_false
    ]
    return max(fine, key=lambda point: (_recall(point), point.threshold), default=None)


def _at(turn: LabelledTurn, threshold: float = -np.inf) -> TurnCounts:
    """Return the numbers of a turn whose memories are shown from a score on."""
    shown = [fits for score, fits in turn.found if score >= threshold]
    return TurnCounts(group=turn.group, hits=sum(shown), shown=len(shown), relevant=turn.relevant)


def _recall(point: OperatingPoint) -> float:
    return -1.0 if point.recall is None else point.recall.value
