"""Held-out turns and the gain of a change on them; see `memory.tuning.gain_bound`."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

MOST_TURNS = 200_000
"""Most held-out turns of a result."""
MOST_GROUPS = 10_000
"""Most conversations of a result."""
Utility = Annotated[FiniteFloat, Field(ge=-10, le=1)]
"""At most 1, all that is relevant and nothing else; noise alone costs at most 10."""


class HeldOut(BaseModel):
    """A held-out turn, scored under the settings before and after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str = Field(min_length=1, max_length=500)
    """Unit of resampling: the conversation or the day."""
    before: Utility
    """See `memory.tuning.turn_score.utility`."""
    after: Utility


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """The gain of the settings after over those before."""

    mean: float
    """Over all turns."""
    at_least: float
    """One-sided lower bound."""
    confidence: float
    """Of the bound."""
    turns: int
    groups: int
    changed: int
    """Turns with a different score."""

    @property
    def proven(self) -> bool:
        """Whether the change is an improvement."""
        return self.at_least > 0
