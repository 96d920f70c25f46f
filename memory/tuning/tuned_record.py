"""The record in `goat.toml` of where its tuned values come from."""

from collections.abc import Mapping
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat

from memory.tuning.held_out import Gain
from memory.tuning.tuning_result import Name, Sha256, TuningResult, Value

RULE = "gap_rule"
RULED = ("gap_threshold", "gap_break")
"""Thresholds on a scale of the rule: they are written together with it."""


class Tuned(BaseModel):
    """The table `[tuned]`: the latest values, their data and their gain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    """Time of the tuning."""
    thresholds: Mapping[Name, Value]
    """The written values."""
    data: Mapping[Name, Sha256]
    gain: FiniteFloat
    """Mean gain per held-out turn; see `memory.tuning.held_out.utility`."""
    gain_at_least: FiniteFloat
    """Its lower confidence bound (95 %, or the higher confidence required of a later try)."""
    turns: int = Field(ge=1)
    groups: int = Field(ge=1)
    before: Mapping[Name, FiniteFloat] = Field(default_factory=dict)
    """Metrics with the values before."""
    after: Mapping[Name, FiniteFloat] = Field(default_factory=dict)

    @classmethod
    def of(cls, result: TuningResult, gained: Gain) -> Self:
        """Return the record of an accepted result."""
        rule = {RULE: result.baseline[RULE]} if result.changes.keys() & {*RULED} else {}
        return cls(
            at=result.made_at.replace(microsecond=0),
            thresholds={**rule, **result.changes},
            data=result.data,
            gain=round(gained.mean, 4),
            gain_at_least=round(gained.at_least, 6),
            turns=gained.turns,
            groups=gained.groups,
            before=result.figures.before,
            after=result.figures.after,
        )
