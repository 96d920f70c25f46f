"""Turns that nothing was chosen by, and what a change gained on them; see `memory.tuning.gain_bound`."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

MOST_TURNS = 200_000
"""Held-out turns of a result."""
MOST_GROUPS = 10_000
"""Conversations that they may be of."""
Utility = Annotated[FiniteFloat, Field(ge=-10, le=1)]
"""All that is relevant and nothing else is worth 1, noise alone costs no more than 10."""


class HeldOut(BaseModel):
    """A turn that nothing was chosen by, scored under the settings before and after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str = Field(min_length=1, max_length=500)
    """The conversation, or the day, that the turn counts with."""
    before: Utility
    """See `memory.tuning.turn_score.utility`."""
    after: Utility


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """By how much the settings after are better than those before."""

    mean: float
    """Over all turns."""
    at_least: float
    """One-sided lower bound."""
    confidence: float
    """Of the bound."""
    turns: int
    groups: int
    changed: int
    """Turns whose score is another one."""

    @property
    def proven(self) -> bool:
        """Whether the change is better."""
        return self.at_least > 0
