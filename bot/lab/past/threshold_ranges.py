"""Ranges of the thresholds, for sliders and for sweeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graph.settings.context import Thresholds

STEPS = tuple(step / 20 for step in range(21))
"""Steps of a sweep, as shares of a threshold's range."""


@dataclass(frozen=True, slots=True)
class Range:
    """Limits and step of a slider."""

    low: float
    high: float
    step: float


SLIDERS: Mapping[str, Mapping[str, Range]] = {
    "Gap filter": {
        "gap_threshold": Range(0, 1, 0.01),
        "gap_break": Range(0.1, 15, 0.1),
        "gap_null_share": Range(0, 1, 0.01),
        "gap_significance": Range(1, 10, 0.1),
    },
    "Budget": {
        "budget_base": Range(0, 12_000, 100),
        "budget_confidence_multiplier": Range(0, 12_000, 100),
        "budget_complexity_bonus": Range(0, 12_000, 100),
        "budget_hard_cap": Range(100, 32_000, 100),
        "l3_minimum": Range(0, 6000, 50),
        "l2_floor": Range(0, 4000, 50),
        "l2_cap": Range(0, 16_000, 100),
    },
    "Ranking": {
        "prefetch_results": Range(1, 100, 1),
        "rank_tie": Range(0.01, 3, 0.01),
        "rank_recency_window": Range(1, 365, 1),
        "rank_access_reference": Range(1, 100, 1),
    },
}
"""Sliders by section, in their order; wider values can be given to `Past.decide`."""
RANGES: Mapping[str, Range] = {name: limits for some in SLIDERS.values() for name, limits in some.items()}


def range_of(name: str, in_force: Thresholds) -> Range:
    """Return a threshold's range, which includes the value in force."""
    limits, now = RANGES[name], getattr(in_force, name)
    high = now if name == "prefetch_results" else max(limits.high, now)  # more of them need another search
    return Range(min(limits.low, now), high, limits.step)


def steps_of(name: str, in_force: Thresholds, given: Sequence[float] | None) -> tuple[float, ...]:
    """Return the values of a threshold to try in a sweep: those given, or else some over its range."""
    if given is not None:
        return tuple(np.asarray(given).tolist())
    if name not in RANGES:
        return STEPS
    limits = range_of(name, in_force)
    values = [limits.low + (limits.high - limits.low) * share for share in STEPS]
    digits = None if isinstance(getattr(in_force, name), int) else 6
    return tuple(sorted({round(value, digits) for value in values}))
