"""Metrics of retrieval and of injection, as pure functions."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from memory.tuning.curves import GRID, PER
from memory.tuning.resampling import INTERVAL, RESAMPLES, SEED, Estimate

Value = TypeVar("Value")


def grouped(values: Iterable[Value], name: Callable[[Value], str | None]) -> dict[str, list[Value]]:
    """Group values by name, in alphabetical order."""
    groups: dict[str, list[Value]] = {}
    for value in values:
        groups.setdefault(name(value) or "(none)", []).append(value)
    return dict(sorted(groups.items()))


def recall_at(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """Return the share of `gold` (not empty) among the first `k`."""
    return len(set(gold).intersection(ranking[:k])) / len(set(gold))


def hit_at(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """Return 1 when any of `gold` is among the first `k`, else 0."""
    return float(any(unit in gold for unit in ranking[:k]))


def reciprocal_rank(ranking: Sequence[str], gold: Collection[str]) -> float:
    """Return one over the rank of the first of `gold`; 0 when none is ranked."""
    return next((1 / rank for rank, unit in enumerate(ranking, start=1) if unit in gold), 0.0)


def mean(values: Sequence[float]) -> float | None:
    """Return the mean; None without values."""
    return float(np.mean(values)) if len(values) else None


def ratio(part: float, whole: float) -> float | None:
    """Return part over whole; None when whole is 0."""
    return part / whole if whole else None


def f1(precision: float | None, recall: float | None) -> float | None:
    """Return the harmonic mean; None unless both are known."""
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def auc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Return the probability that a positive exceeds a negative, ties counting half; None without both."""
    if not len(positive) or not len(negative):
        return None
    below = np.sort(np.asarray(negative, float))
    wins = np.searchsorted(below, positive, "left") + np.searchsorted(below, positive, "right")
    return float(np.mean(wins) / 2 / len(below))


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return a percentile; None without values."""
    return float(np.percentile(values, share)) if len(values) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPoint:
    """Coverage and risk of one threshold."""

    threshold: float
    coverage: Estimate | None
    """Share of relevant queries with something shown."""
    false_injections: Estimate | None
    """Irrelevant queries with something shown, per hundred."""


def risk_curve(
    relevant: Sequence[float], irrelevant: Sequence[float], thresholds: Sequence[float] = GRID
) -> list[RiskPoint]:
    """Return coverage and false injections for each threshold, from the queries' best probabilities."""
    chance = np.random.default_rng(SEED)
    covered = _estimates(np.asarray(relevant, float), thresholds, 1.0, chance)
    wrong = _estimates(np.asarray(irrelevant, float), thresholds, PER, chance)
    return [
        RiskPoint(threshold=threshold, coverage=coverage, false_injections=false)
        for threshold, coverage, false in zip(thresholds, covered, wrong, strict=True)
    ]


def _estimates(
    values: NDArray[np.float64], thresholds: Sequence[float], scale: float, chance: np.random.Generator
) -> list[Estimate | None]:
    """Estimate the share of `values` at or above each threshold.

    Resampling booleans with replacement draws their count from a binomial distribution.
    """
    if not values.size:
        return [None] * len(thresholds)
    shares = [float(np.mean(values >= threshold)) for threshold in thresholds]
    draws = [chance.binomial(values.size, share, RESAMPLES) / values.size for share in shares]
    bounds = [np.percentile(drawn, INTERVAL) * scale for drawn in draws]
    return [
        Estimate(value=share * scale, low=float(low), high=float(high))
        for share, (low, high) in zip(shares, bounds, strict=True)
    ]
