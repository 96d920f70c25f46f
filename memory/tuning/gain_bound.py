"""A lower bound of a change's gain on held-out turns, to tell it from chance."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memory.errors import GoatError
from memory.tuning.held_out import Gain, HeldOut

LEAST_TURNS = 60
"""Enough to show, with 95 % probability, a loss in one turn of twenty (the rule of three)."""
LEAST_GROUPS = 8
"""Enough to show, with 95 % probability, a loss in one conversation of three (0.69^8 = 0.05)."""
ENOUGH_GROUPS = 20
"""Enough to show, with 93 % probability, a loss in one conversation of eight."""
LEAST_EFFECTIVE = 5.0
"""Least `effective_groups`: one or two long conversations prove nothing."""
CONFIDENCE = 0.95
"""For the first change that is tried on some turns."""
HIDDEN_LOSS = 0.2
"""Loss per turn assumed of a conversation that was not held out."""
HIDDEN_LOSS_OF_FEW = 0.35
"""The same with fewer than `ENOUGH_GROUPS`, which may lack a loss that one conversation in eight has."""
Numbers = NDArray[np.float64]
_POINTS = 10_001


class TooLittleData(GoatError):
    """The held-out turns are too few to say anything."""


def required_confidence(tries: int) -> float:
    """Return the confidence required of the last of `tries` changes on the same turns (Bonferroni)."""
    return 1 - (1 - CONFIDENCE) / tries


def measure_gain(held_out: Sequence[HeldOut], *, confidence: float = CONFIDENCE) -> Gain:
    """Compare before and after, turn by turn; see `lower_bound` for what the bound takes into account.

    Raises:
        TooLittleData: there are too few turns or groups, or a few groups outweigh the others; says what is
            missing.
    """
    places = {group: place for place, group in enumerate(dict.fromkeys(turn.group for turn in held_out))}
    at = np.array([places[turn.group] for turn in held_out], int)
    sizes: Numbers = np.bincount(at).astype(float)
    _check(sizes)
    differences = np.array([turn.after - turn.before for turn in held_out])
    sums: Numbers = np.bincount(at, weights=differences).astype(float)
    return Gain(
        mean=float(differences.mean()),
        at_least=lower_bound(sums, sizes, confidence=confidence),
        confidence=confidence,
        turns=len(held_out),
        groups=len(sizes),
        changed=int(np.count_nonzero(differences)),
    )


def lower_bound(sums: Numbers, sizes: Numbers, *, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided lower confidence bound of the mean of all turns.

    An interval misses a loss that no measured conversation has: if one conversation in eight loses what the
    others gain, a third of all samples of eight contain none that loses. So one more conversation of mean
    length is added, which loses per turn as much as the worst, and at least `HIDDEN_LOSS`. Bounds for bounded
    values add such an extreme value too (Gaffke 2005, "Three test statistics for a nonparametric one-sided
    hypothesis on the mean of a nonnegative variable"). The bound is then Student's t, with the variance
    between conversations (Liang & Zeger 1986) and `effective_groups` as their number.

    In simulations with 8 to 40 conversations, of equal length or not, it accepts at most this share of
    changes that are no better: 3 % when the differences are normal or heavy-tailed; 2 % when one turn of
    fifty to ten loses what the others gain; 12 % when one conversation of eight to four does (0.6 per turn;
    at 1 per turn 26 % with 8 to 12 conversations, 11 % from 16 on); 19 % when their losses differ
    exponentially. The expanded percentile bootstrap accepted 7, 15, 38 and 32 %. A gain of 0.05 per turn is
    proven by 20 conversations of 15 turns in 70 % of the cases (50 % when it varies between them), by 30 of
    them in 95 % (80 %), by 20 of 50 turns in 98 % (73 %). With fewer it must be larger: 16 prove 0.1 per turn
    in 80 %, 8 prove 0.2 in 60 %.

    Args:
        sums: each conversation's total gain.
        sizes: each conversation's number of turns.
        confidence: probability that the mean is above the bound.
    """
    hidden = HIDDEN_LOSS if len(sizes) >= ENOUGH_GROUPS else HIDDEN_LOSS_OF_FEW
    loss, size = max(hidden, -float(np.min(sums / sizes))), float(sizes.mean())
    sums, sizes = np.append(sums, -loss * size), np.append(sizes, size)
    mean, weight = sums.sum() / sizes.sum(), effective_groups(sizes)
    strays = sums - mean * sizes
    error = math.sqrt(strays @ strays * weight / (weight - 1)) / sizes.sum()
    return float(mean - student_quantile(confidence, weight - 1) * error)


def effective_groups(sizes: ArrayLike) -> float:
    """Return how many groups of one size would weigh as much (Kish 1965, "Survey Sampling")."""
    given = np.asarray(sizes, float)
    return float(given.sum() ** 2 / (given**2).sum())


def _check(sizes: Numbers) -> None:
    turns, groups = int(sizes.sum()), len(sizes)
    if turns < LEAST_TURNS or groups < LEAST_GROUPS:
        raise TooLittleData(
            f"{turns} held-out turns of {groups} days or conversations are too few to tell a change from "
            f"chance: measure on at least {LEAST_TURNS} turns of {LEAST_GROUPS} "
            f"({max(0, LEAST_TURNS - turns)} turns and {max(0, LEAST_GROUPS - groups)} days or conversations "
            "are missing)."
        )
    weight = effective_groups(sizes)
    if weight < LEAST_EFFECTIVE:
        raise TooLittleData(
            f"The held-out turns are of {groups} days or conversations, but the longest has "
            f"{int(sizes.max())} of {turns}: together they weigh as much as {weight:.1f} alike in length, "
            f"and at least {LEAST_EFFECTIVE:g} are needed. Measure on more turns of the others."
        )


def student_quantile(share: float, freedom: float) -> float:
    """Return a quantile of Student's t, from the median upwards; degrees of freedom need not be whole.

    With t = sqrt(freedom) * tan(angle), the density of the angle is proportional to cos(angle) ** (freedom -
    1); it is integrated by the trapezoidal rule. Off by less than 0.001 of the quantile from 4 to 10,000
    degrees, up to a share of 0.9999.
    """
    angles = np.linspace(0, np.pi / 2, _POINTS)
    density = np.cos(angles) ** (freedom - 1)
    reached = np.append(0.0, np.cumsum(density[1:] + density[:-1]))
    return math.sqrt(freedom) * math.tan(float(np.interp(2 * share - 1, reached / reached[-1], angles)))
