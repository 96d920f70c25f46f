"""Whether a change is better on held-out turns, by more than chance would make it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from memory.errors import GoatError
from memory.tuning.resampling import lower_bound, resampling

LEAST_TURNS = 60
"""So many show, with a probability of 95 %, a loss that strikes one turn of twenty (the rule of three)."""
LEAST_GROUPS = 5
"""With fewer, the bound lies above the truth more often than one time in twenty."""
CONFIDENCE = 0.95


class TooLittleData(GoatError):
    """The held-out turns are too few to say anything."""


class HeldOut(BaseModel):
    """A turn that nothing was chosen by, scored under the settings before and after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str = Field(min_length=1, max_length=500)
    """The conversation, or the day, that the turn is resampled with."""
    before: FiniteFloat
    """See `memory.tuning.score.utility`."""
    after: FiniteFloat


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """By how much the settings after are better than those before."""

    mean: float
    """Over all turns."""
    at_least: float
    """One-sided 95 % lower bound."""
    turns: int
    groups: int
    changed: int
    """Turns whose score is another one."""

    @property
    def proven(self) -> bool:
        """Whether the change is better."""
        return self.at_least > 0


def gain(held_out: Sequence[HeldOut]) -> Gain:
    """Compare before and after, turn by turn.

    Raises:
        TooLittleData: there are too few turns or groups; says how many are missing.
    """
    groups = len({turn.group for turn in held_out})
    if len(held_out) < LEAST_TURNS or groups < LEAST_GROUPS:
        raise TooLittleData(
            f"{len(held_out)} held-out turns of {groups} conversations are too few to tell a change from "
            f"chance: measure on at least {LEAST_TURNS} turns of {LEAST_GROUPS} conversations "
            f"({max(0, LEAST_TURNS - len(held_out))} turns and {max(0, LEAST_GROUPS - groups)} conversations "
            "are missing)."
        )
    differences = np.array([turn.after - turn.before for turn in held_out])
    drawn = resampling([turn.group for turn in held_out]).means(differences)
    return Gain(
        mean=float(differences.mean()),
        at_least=lower_bound(drawn, groups, confidence=CONFIDENCE),
        turns=len(held_out),
        groups=groups,
        changed=int(np.count_nonzero(differences)),
    )
