"""A paired test of two settings on the same turns, by whole days.

For reading; what may be written is decided by the stricter `memory.tuning.gain_bound`.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from memory.tuning.resampling import NO_INTERVAL, SEED, Estimate, resampling

EXACT = 12
"""Most days that differ for which every sign is tried; beyond, `DRAWS` random ones."""
DRAWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """The difference that other settings make."""

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
