"""The cluster bootstrap: confidence intervals of means over conversations, and a paired test by days.

Turns of one conversation resemble each other, so whole groups of turns are resampled with replacement, never
single turns (Davison & Hinkley 1997, section 3.8).
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
SEED = 20
INTERVAL = (2.5, 97.5)
LEAST_GROUPS = 2
"""Groups without which there is no interval: one says nothing of how much they differ."""
NO_INTERVAL = "one day: no interval"
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value and its 95 % bootstrap confidence interval; one group has no interval, so both ends are NaN."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def bounded(self) -> bool:
        """True when it has an interval."""
        return not math.isnan(self.low)


@dataclass(frozen=True, slots=True)
class Resampling:
    """`RESAMPLES` reproducible resamples of the groups of turns."""

    _places: NDArray[np.intp]
    """Index of each turn's group."""
    _draws: Numbers
    """How often each group is in each resample, one row for each resample."""

    def estimate(self, values: ArrayLike, weights: ArrayLike = 1.0, *, scale: float = 1.0) -> Estimate | None:
        """Estimate a weighted mean of the turns' values; None without weight.

        It has no interval when only one group has weight.
        """
        given = np.asarray(values, float)
        share = np.broadcast_to(np.asarray(weights, float), given.shape)
        if not share.sum() > 0:
            return None
        top, bottom = (self.totals(part) for part in (given * share, share))
        means = np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
        value = float(np.sum(given * share) / np.sum(share)) * scale
        if np.count_nonzero(self._sums(share)) < LEAST_GROUPS:
            return Estimate(value=value)
        low, high = np.nanpercentile(means, INTERVAL) * scale
        return Estimate(value=value, low=float(low), high=float(high))

    @property
    def groups(self) -> int:
        return int(self._draws.shape[1])

    def totals(self, values: ArrayLike) -> Numbers:
        """Return the sum of the turns' values in each resample."""
        return np.asarray(self._draws @ self._sums(np.asarray(values, float)))

    def _sums(self, values: Numbers) -> Numbers:
        """Sum the values of each group's turns."""
        return np.bincount(self._places, weights=values, minlength=self._draws.shape[1]).astype(float)


def resampling(groups: Sequence[Hashable]) -> Resampling:
    """Resample turns by group.

    Raises:
        ValueError: there is no turn.
    """
    if not groups:
        raise ValueError("no turn is given: there is nothing to resample")
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    size = len(places)
    draws = np.random.default_rng(SEED).multinomial(size, np.full(size, 1 / size), RESAMPLES)
    return Resampling(np.array([places[group] for group in groups]), draws.astype(float))


EXACT = 12
"""Most days that differ for which every sign is tried; beyond, `DRAWS` random ones."""
DRAWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """The difference that other settings make.

    For reading; what may be written is decided by the stricter `memory.tuning.gain_bound`.
    """

    difference: Estimate
    """Mean per turn, after minus before."""
    p: float
    """Two-sided: how often signs drawn at random give so large a mean, or a larger one."""
    better: int
    """Turns that gain."""
    worse: int
    turns: int
    groups: int
    """Days of the turns."""

    def __str__(self) -> str:
        """Describe it in one line."""
        found = self.difference
        within = f"95 % from {found.low:+.3f} to {found.high:+.3f}" if found.bounded else NO_INTERVAL
        return (
            f"{found.value:+.3f} a turn ({within}), p = {self.p:.3f}; "
            f"{self.better} turns better, {self.worse} worse, of {self.turns} in {self.groups} days"
        )


def paired_test(
    before: Sequence[float], after: Sequence[float], groups: Sequence[Hashable]
) -> PairedTest | None:
    """Compare the values of the same turns under two settings; None without turns.

    A randomisation test that changes the sign of whole days (Fisher 1935; Pitman 1937), which `groups` names.
    """
    if not groups:
        return None
    differences = np.asarray(after, float) - np.asarray(before, float)
    found = resampling(groups).estimate(differences)
    assert found is not None  # noqa: S101 - every turn has weight there
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    sums = np.bincount([places[group] for group in groups], weights=differences)
    return PairedTest(
        difference=found,
        p=_chance(sums[sums != 0].astype(float)),
        better=int((differences > 0).sum()),
        worse=int((differences < 0).sum()),
        turns=len(groups),
        groups=len(places),
    )


def _chance(sums: NDArray[np.float64]) -> float:
    """Return the share of sign changes whose sum is at least as far from 0."""
    if not len(sums):
        return 1.0
    reached = abs(float(sums.sum())) - 1e-12
    if len(sums) <= EXACT:
        signs = np.array(list(product((-1.0, 1.0), repeat=len(sums))))
        return float(np.mean(np.abs(signs @ sums) >= reached))
    signs = np.random.default_rng(SEED).choice((-1.0, 1.0), (DRAWS, len(sums)))
    return float((np.sum(np.abs(signs @ sums) >= reached) + 1) / (DRAWS + 1))
