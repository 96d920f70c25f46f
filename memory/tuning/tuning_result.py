"""Tuning results, in a JSON file that `goat tune apply` reads, and their record in `goat.toml`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    ValidationError,
    model_validator,
)

from memory.errors import GoatError
from memory.recall.relevance import Calibration, data_digest
from memory.tuning.held_out import MOST_GROUPS, MOST_TURNS, Gain, HeldOut

CALIBRATION = "gap_calibration"
"""The threshold that holds a calibration's name."""
_NAMED_BY = 8
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Value = bool | int | FiniteFloat | str
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class BadResult(GoatError):
    """A tuning result that cannot be read or is invalid."""


class HeldOutFigures(BaseModel):
    """Metrics by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: Mapping[Name, FiniteFloat] = Field(default_factory=dict)
    after: Mapping[Name, FiniteFloat] = Field(default_factory=dict)


class TuningResult(BaseModel):
    """Values to write to `goat.toml`, and their evaluation on held-out turns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    made_at: AwareDatetime
    embedding_model: Name
    """Model of the searches: `layers.embeddings.name`."""
    data: Mapping[Name, Sha256] = Field(min_length=1)
    """SHA-256 of each data set, by name; see `memory.recall.relevance.data_digest`."""
    thresholds: Mapping[Name, Value] = Field(default_factory=dict)
    """Changed values, by flat names such as `gap_threshold`."""
    baseline: Mapping[Name, Value]
    """Values in force before; `goat tune apply` requires all that decide what is shown."""
    calibration: Calibration | None = None
    """A new calibration, to be named by `gap_calibration`."""
    chosen_on: frozenset[Name] = Field(min_length=1)
    """Groups of turns that the values were chosen or fitted on; disjoint from the held-out ones."""
    held_out: tuple[HeldOut, ...] = Field(max_length=MOST_TURNS)
    figures: HeldOutFigures = HeldOutFigures()
    demonstration: bool = False
    """True for data made up for a demonstration; such a result is never written."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.changes:
            raise ValueError("it changes nothing: no thresholds and no calibration")
        if self.calibration is not None and CALIBRATION in self.thresholds:
            raise ValueError(f"either a calibration or the {CALIBRATION} of an earlier one, not both")
        if missing := sorted(self.changes.keys() - self.baseline.keys()):
            raise ValueError(f"the baseline lacks {', '.join(missing)}: what was in force before?")
        if len({turn.group for turn in self.held_out}) > MOST_GROUPS:
            raise ValueError(f"the held-out turns are of more than {MOST_GROUPS:,} days or conversations")
        if both := sorted(self.chosen_on.intersection(turn.group for turn in self.held_out)):
            raise ValueError(f"{both[0]!r} was chosen on and is held out as well")
        return self

    @property
    def calibration_name(self) -> str:
        """Name of the new calibration, by date and digest; empty without one."""
        if self.calibration is None:
            return ""
        return f"{self.made_at:%Y-%m-%d}-{data_digest(self.calibration.model_dump(mode='json'))[:_NAMED_BY]}"

    @property
    def changes(self) -> dict[str, Value]:
        """Every changed threshold, including the name of the calibration."""
        named = {CALIBRATION: self.calibration_name} if self.calibration else {}
        return {**self.thresholds, **named}


def write_result(result: TuningResult, path: Path) -> None:
    """Write a result for `goat tune apply`."""
    path.write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_result(path: Path) -> TuningResult:
    """Read the file of `write_result`.

    Raises:
        BadResult: it cannot be read or is invalid; says where and why.
    """
    try:
        return TuningResult.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadResult(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValidationError as error:
        raise BadResult(f"{path} is refused: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    where = ".".join(str(part) for part in errors[0]["loc"])
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{where + ': ' if where else ''}{errors[0]['msg'].removeprefix('Value error, ')}.{more}"


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
