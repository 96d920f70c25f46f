"""Held-out turns, their scores and the gain of a change on them; see `memory.tuning.gain_bound`."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

MOST_TURNS = 200_000
"""Most held-out turns of a result."""
MOST_GROUPS = 10_000
"""Most days or conversations of a result."""
COST = 1.0
"""Cost of a turn with only noise, in fully answered turns."""
Utility = Annotated[FiniteFloat, Field(ge=-10, le=1)]
"""Of `utility`; results of other programs may set a higher cost."""


class HeldOut(BaseModel):
    """A held-out turn, scored under the settings before and after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str = Field(min_length=1, max_length=500)
    """Unit of resampling: the conversation or the day."""
    before: Utility
    """See `utility`."""
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
        """True when the change is an improvement."""
        return self.at_least > 0


def utility(hits: int, shown: int, relevant: int) -> float:
    """Return recall minus the share of shown memories that are not relevant, from -1 to 1.

    Showing nothing scores 0. A wrong memory costs a turn without an answer as much as a full answer gains
    another turn. A linear utility as in TREC's filtering track (Robertson & Soboroff 2002, measure T11U),
    with hits and false alarms as shares, so that every turn has the same weight.

    Args:
        hits: number of memories shown that answer the message.
        shown: number of memories that the model was shown.
        relevant: number of those that answer the message, found or not; 0 when nothing does.
    """
    recall = hits / relevant if relevant else 0.0
    noise = (shown - hits) / shown if shown else 0.0
    return recall - COST * noise
