"""The gap filter's rules: which of the found episodes are relevant. Often none is.

`staged` (the default) takes two decisions: whether the message calls for memory at all, and which memories
answer it (`memory.recall.staged`). Without a fit, and for a named calibration, `calibrated` takes its place.

`calibrated` gives each candidate a probability of relevance from evidence relative to the archive
(`memory.recall.relevance`); a candidate is kept from `threshold` on, until the list breaks.

`null` needs no labels: null turns (small talk, foreign topics) are compared with the owner's archive, and a
candidate is relevant when it beats the share `null_share` of them.

`ratio` is the rule of GOAT's first version: the list is cut at its largest gap in squared
Euclidean distance when that gap is `significance` times the mean gap; with fewer than 3 candidates, those
within a distance of 1.5 are kept.
"""

import itertools
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from enum import StrEnum

from memory.models import Decision, DecisionRule

CEILING = 1.5
_ENOUGH_FOR_GAPS = 3
_LEAST_ODDS = 1e-12


class GapRule(StrEnum):
    """Names of the rules."""

    STAGED = "staged"
    CALIBRATED = "calibrated"
    NULL = "null"
    RATIO = "ratio"


def share_below(similarity: float, noise: Sequence[float]) -> float:
    """Return the share of `noise` (ascending) below `similarity`; 0 without noise."""
    return bisect_left(noise, similarity) / len(noise) if noise else 0.0


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the linearly interpolated `share`-quantile of an ascending, non-empty sequence."""
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    between = ordered[low] + (ordered[high] - ordered[low]) * (position - low)
    return min(between, ordered[high])  # interpolation may round beyond the upper value


def null_rule(
    similarities: Mapping[str, float], noise: Sequence[float], *, threshold: float
) -> list[Decision]:
    """Keep each turn whose similarity passes the `threshold`-quantile of `noise` (ascending).

    Without measured noise, nothing is kept.
    """
    bar = quantile(noise, threshold) if noise else float("inf")
    return [
        Decision(
            turn_id=turn_id,
            kept=s > bar,
            rule=DecisionRule.NULL,
            score=s,
            threshold=bar,
            probability=share_below(s, noise),
        )
        for turn_id, s in similarities.items()
    ]


def calibrated_rule(probabilities: Mapping[str, float], *, threshold: float, fall: float) -> list[Decision]:
    """Keep each turn whose probability is `threshold` or more, the best of them up to where the list breaks.

    It breaks where the log-odds of the kept ones, in descending order, fall by more than `fall` at once.
    """
    descending = sorted((p for p in probabilities.values() if p >= threshold), reverse=True)
    falls = [log_odds(a) - log_odds(b) for a, b in itertools.pairwise(descending)]
    least = next((descending[place] for place, by in enumerate(falls) if by > fall), threshold)
    return [
        Decision(
            turn_id=turn_id,
            kept=p >= least,
            rule=DecisionRule.BREAK if threshold <= p < least else DecisionRule.CALIBRATED,
            score=p,
            threshold=least,
            probability=p,
        )
        for turn_id, p in probabilities.items()
    ]


def log_odds(probability: float) -> float:
    """Return the log-odds, finite for 0 and 1 too."""
    bounded = min(max(probability, _LEAST_ODDS), 1 - _LEAST_ODDS)
    return math.log(bounded / (1 - bounded))


def squared_distance(similarity: float) -> float:
    """Convert the cosine similarity of two unit vectors into their squared Euclidean distance."""
    return 2.0 - 2.0 * similarity


def ratio_cut(distances: Sequence[float], *, significance: float) -> tuple[int, float]:
    """Find where `ratio` cuts ascending `distances`.

    Returns:
        The number kept, and the largest gap over the mean gap (0 without gaps).
    """
    gaps = [b - a for a, b in itertools.pairwise(distances)]
    mean = sum(gaps) / len(gaps) if gaps else 0.0
    if mean <= 0.0:
        return 0, 0.0
    ratio = max(gaps) / mean
    return (gaps.index(max(gaps)) + 1 if ratio >= significance else 0), ratio


def ratio_rule(
    similarities: Mapping[str, float], noise: Sequence[float], *, significance: float
) -> list[Decision]:
    """Keep the turns before the largest gap of descending similarities, when it is significant."""
    distances = {turn_id: squared_distance(s) for turn_id, s in similarities.items()}
    if len(distances) < _ENOUGH_FOR_GAPS:
        return [
            Decision(
                turn_id=turn_id,
                kept=distance <= CEILING,
                rule=DecisionRule.FEW,
                score=distance,
                threshold=CEILING,
                probability=share_below(similarities[turn_id], noise),
            )
            for turn_id, distance in distances.items()
        ]
    cut, ratio = ratio_cut([*distances.values()], significance=significance)
    return [
        Decision(
            turn_id=turn_id,
            kept=rank < cut,
            rule=DecisionRule.RATIO,
            score=ratio,
            threshold=significance,
            probability=share_below(s, noise),
        )
        for rank, (turn_id, s) in enumerate(similarities.items())
    ]
