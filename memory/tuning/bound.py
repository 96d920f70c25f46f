"""Whether a change is better on held-out turns, by more than chance would make it."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from memory.errors import GoatError
from memory.tuning.resampling import lower_bound, resampling

LEAST_TURNS = 60
"""So many show, with a probability of 95 %, a loss that strikes one turn of twenty (the rule of three)."""
LEAST_GROUPS = 8
"""So many show, with a probability of 95 %, a loss that strikes one conversation of three (0.69^8 = 0.05)."""
LEAST_EFFECTIVE = 5.0
"""Conversations alike in length that they must weigh as much as: one or two long ones prove nothing."""
MOST_TURNS = 200_000
"""Held-out turns of a result."""
MOST_GROUPS = 10_000
"""Conversations that they may be of: each is drawn 2,000 times."""
CONFIDENCE = 0.95


class TooLittleData(GoatError):
    """The held-out turns are too few to say anything."""


Utility = Annotated[FiniteFloat, Field(ge=-10, le=1)]
"""All that is relevant and nothing else is worth 1, noise alone costs no more than 10."""


class HeldOut(BaseModel):
    """A turn that nothing was chosen by, scored under the settings before and after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str = Field(min_length=1, max_length=500)
    """The conversation, or the day, that the turn is resampled with."""
    before: Utility
    """See `memory.tuning.score.utility`."""
    after: Utility


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
    """Compare before and after, turn by turn; the bound counts conversations by how much they weigh.

    What no conversation shows, no bound can see: a loss rarer than one conversation in n stays hidden with n
    of them. In simulations with unequal conversations, 5 % of the changes that are no better were proven (9 %
    at worst) when differences were normal, and 8 % (17 % at worst) when one turn of twenty lost what the
    others gained.

    Raises:
        TooLittleData: there are too few turns or groups, or a few groups outweigh the others; says what is
            missing.
    """
    sizes = Counter(turn.group for turn in held_out)
    groups = len(sizes)
    if len(held_out) < LEAST_TURNS or groups < LEAST_GROUPS:
        raise TooLittleData(
            f"{len(held_out)} held-out turns of {groups} conversations are too few to tell a change from "
            f"chance: measure on at least {LEAST_TURNS} turns of {LEAST_GROUPS} conversations "
            f"({max(0, LEAST_TURNS - len(held_out))} turns and {max(0, LEAST_GROUPS - groups)} conversations "
            "are missing)."
        )
    weight = effective(sizes.values())
    if weight < LEAST_EFFECTIVE:
        raise TooLittleData(
            f"The held-out turns are of {groups} conversations, but the longest has {max(sizes.values())} of "
            f"{len(held_out)}: together they weigh as much as {weight:.1f} alike in length, and at least "
            f"{LEAST_EFFECTIVE:g} are needed. Measure on more turns of the others."
        )
    differences = np.array([turn.after - turn.before for turn in held_out])
    drawn = resampling([turn.group for turn in held_out]).means(differences)
    return Gain(
        mean=float(differences.mean()),
        at_least=lower_bound(drawn, weight, confidence=CONFIDENCE),
        turns=len(held_out),
        groups=groups,
        changed=int(np.count_nonzero(differences)),
    )


def effective(sizes: Collection[int]) -> float:
    """Return how many groups of one size would weigh as much (Kish 1965, "Survey Sampling")."""
    return sum(sizes) ** 2 / sum(size**2 for size in sizes)
