"""How far a mean would move with other conversations: the cluster bootstrap.

Turns of one conversation resemble each other, so whole groups of turns are drawn anew, with replacement,
never single turns (Davison & Hinkley 1997, section 3.8).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
SEED = 20
INTERVAL = (2.5, 97.5)
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number, and its 95 % bootstrap confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Resampling:
    """The groups of some turns, drawn anew `RESAMPLES` times, always in the same way."""

    _places: NDArray[np.intp]
    """Of each turn the place of its group."""
    _draws: Numbers
    """One row a draw: how often each group is in it."""

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return int(self._draws.shape[1])

    def means(self, values: ArrayLike, weights: ArrayLike = 1.0) -> Numbers:
        """Return the weighted mean of the turns' values in each draw; NaN where nothing has weight."""
        given = np.asarray(values, float)
        share = np.broadcast_to(np.asarray(weights, float), given.shape)
        top, bottom = (self._draws @ self._sums(part) for part in (given * share, share))
        drawn: Numbers = np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
        return drawn

    def estimate(self, values: ArrayLike, weights: ArrayLike = 1.0, *, scale: float = 1.0) -> Estimate | None:
        """Estimate a weighted mean of the turns' values; None when nothing has weight."""
        given = np.asarray(values, float)
        share = np.broadcast_to(np.asarray(weights, float), given.shape)
        if not share.sum() > 0:
            return None
        low, high = np.nanpercentile(self.means(given, share), INTERVAL) * scale
        value = float(np.sum(given * share) / np.sum(share))
        return Estimate(value=value * scale, low=float(low), high=float(high))

    def _sums(self, values: Numbers) -> Numbers:
        """Add up the turns of each group."""
        return np.bincount(self._places, weights=values, minlength=self.groups).astype(float)


def resampling(groups: Sequence[Hashable]) -> Resampling:
    """Prepare to resample turns by the group that each belongs to.

    Raises:
        ValueError: there is no turn.
    """
    if not groups:
        raise ValueError("no turn is given: there is nothing to resample")
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    size = len(places)
    draws = np.random.default_rng(SEED).multinomial(size, np.full(size, 1 / size), RESAMPLES)
    return Resampling(np.array([places[group] for group in groups]), draws.astype(float))
