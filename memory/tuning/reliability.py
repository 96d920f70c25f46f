"""Reliability of probabilities: observed frequencies, and the expected calibration error."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory.tuning.curves import LabelledTurn
from memory.tuning.resampling import INTERVAL, LEAST_GROUPS, Estimate, Numbers, Resampling, resampling

Mask = NDArray[np.bool_]
BINS = 10
"""Of equal width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The memories of a range of probabilities."""

    predicted: float
    """Their mean probability."""
    observed: Estimate
    """Share of them that answers."""
    memories: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """A reliability diagram."""

    bins: Sequence[Bin]
    """Without empty ones, by probability."""
    error: Estimate
    """Expected calibration error: mean distance of predicted and observed, weighted by memories
    (Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning")."""
    base_rate: Estimate
    """Share of all labelled memories that answers."""


def reliability(turns: Sequence[LabelledTurn], bins: int = BINS) -> Reliability | None:
    """Compare the memories' probabilities with their labels; None without labels.

    With few memories in a bin, the error is above 0 by chance alone, and so is its interval.
    """
    judged = [(turn.group, *each) for turn in turns for each in turn.found]
    if not judged:
        return None
    again = resampling([group for group, *_ in judged])
    chances, fits = (np.array(each, float) for each in zip(*(one[1:] for one in judged), strict=True))
    places = np.minimum((chances * bins).astype(int), bins - 1)
    masks = [places == place for place in range(bins) if (places == place).any()]
    base = again.estimate(fits)
    assert base is not None  # noqa: S101 - every memory has weight there
    return Reliability(
        bins=[_bin(again, chances, fits, mask) for mask in masks],
        error=_error(again, chances - fits, masks),
        base_rate=base,
    )


def _bin(again: Resampling, chances: Numbers, fits: Numbers, mask: Mask) -> Bin:
    observed = again.estimate(fits, mask)
    assert observed is not None  # noqa: S101 - no bin is empty
    return Bin(predicted=float(chances[mask].mean()), observed=observed, memories=int(mask.sum()))


def _error(again: Resampling, surplus: Numbers, masks: Sequence[Mask]) -> Estimate:
    value = sum(abs(float((surplus * mask).sum())) for mask in masks) / len(surplus)
    if again.groups < LEAST_GROUPS:
        return Estimate(value=value)
    sums = sum(np.abs(again.totals(surplus * mask)) for mask in masks)
    low, high = np.percentile(sums / again.totals(np.ones_like(surplus)), INTERVAL)
    return Estimate(value=value, low=float(low), high=float(high))
