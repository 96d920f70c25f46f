"""What `goat.toml` says of where its tuned values come from."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat

from memory.tuning.held_out import Gain
from memory.tuning.tuning_result import Name, Sha256, TuningResult, Value

RULE = "gap_rule"
RULED = ("gap_threshold", "gap_break")
"""Thresholds that each rule reads on a scale of its own: they are written with the rule."""


class Tuned(BaseModel):
    """The table `[tuned]`: what was written last, on what data, and how much better it was there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    """When the tuning was made."""
    thresholds: Mapping[Name, Value]
    """What was written."""
    data: Mapping[Name, Sha256]
    gain: FiniteFloat
    """Mean gain of a held-out turn; see `memory.tuning.turn_score.utility`."""
    gain_at_least: FiniteFloat
    """Its lower confidence bound (95 %, or what was asked of a later try)."""
    turns: int = Field(ge=1)
    groups: int = Field(ge=1)
    before: Mapping[Name, FiniteFloat] = Field(default_factory=dict)
    """What was measured with the values before."""
    after: Mapping[Name, FiniteFloat] = Field(default_factory=dict)

    @classmethod
    def of(cls, result: TuningResult, gained: Gain) -> Self:
        """Return what is noted of a result that was found better."""
        rule = {RULE: result.baseline[RULE]} if result.changes.keys() & {*RULED} else {}
        return cls(
            at=_universal(result.made_at).replace(microsecond=0),
            thresholds={**rule, **result.changes},
            data=result.data,
            gain=round(gained.mean, 4),
            gain_at_least=round(gained.at_least, 6),
            turns=gained.turns,
            groups=gained.groups,
            before=result.figures.before,
            after=result.figures.after,
        )


def _universal(at: datetime) -> datetime:
    """Return a moment in UTC; one at the edge of the calendar, which has none, as it was written."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return at
