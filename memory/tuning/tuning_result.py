"""What a tuning found: a JSON file that a notebook writes and `goat tune apply` reads."""

import json
from collections.abc import Mapping
from datetime import datetime
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
from memory.recall.relevance import Calibration, digest
from memory.tuning.held_out import MOST_GROUPS, MOST_TURNS, HeldOut

CALIBRATION = "gap_calibration"
"""The threshold that names a calibration."""
LARGEST = 100_000_000
"""Bytes."""
_NAMED_BY = 8
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Value = bool | int | FiniteFloat | str
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class BadResult(GoatError):
    """A tuning result cannot be read, or is none."""


class Figures(BaseModel):
    """Whatever was measured, by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: Mapping[Name, FiniteFloat] = Field(default_factory=dict)
    after: Mapping[Name, FiniteFloat] = Field(default_factory=dict)


class TuningResult(BaseModel):
    """Values to write to `goat.toml`, and the turns that speak for them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    made_at: AwareDatetime
    embedding_model: Name
    """That the turns were searched with: `layers.embeddings.name`."""
    data: Mapping[Name, Sha256] = Field(min_length=1)
    """SHA-256 of each data set, by name; see `memory.recall.relevance.digest`."""
    thresholds: Mapping[Name, Value] = Field(default_factory=dict)
    """Those that change, by their flat names such as `gap_threshold`."""
    baseline: Mapping[Name, Value]
    """Those that were in force before; `goat tune apply` wants every one that decides what is shown."""
    calibration: Calibration | None = None
    """A new one; `gap_calibration` will name it."""
    chosen_on: frozenset[Name] = Field(min_length=1)
    """Groups of turns that the values were chosen or fitted on; none of them may be held out."""
    held_out: tuple[HeldOut, ...] = Field(max_length=MOST_TURNS)
    figures: Figures = Figures()
    demonstration: bool = False
    """Whether the data was made up to show how it is done; such a result is never written."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.changes:
            raise ValueError("it changes nothing: no thresholds and no calibration")
        if self.calibration is not None and CALIBRATION in self.thresholds:
            raise ValueError(f"either a calibration or the {CALIBRATION} of an earlier one, not both")
        if missing := sorted(self.changes.keys() - self.baseline.keys()):
            raise ValueError(f"the baseline lacks {', '.join(missing)}: what was in force before?")
        if len({turn.group for turn in self.held_out}) > MOST_GROUPS:
            raise ValueError(f"the held-out turns are of more than {MOST_GROUPS:,} conversations")
        if both := sorted(self.chosen_on.intersection(turn.group for turn in self.held_out)):
            raise ValueError(f"{both[0]!r} was chosen on and is held out as well")
        return self

    @property
    def calibration_name(self) -> str:
        """Name the new calibration by its date and digest; empty when there is none."""
        return calibration_name(self.calibration, self.made_at) if self.calibration else ""

    @property
    def changes(self) -> dict[str, Value]:
        """Every threshold that changes, the name of the calibration among them."""
        named = {CALIBRATION: self.calibration_name} if self.calibration else {}
        return {**self.thresholds, **named}


def calibration_name(calibration: Calibration, at: datetime) -> str:
    """Return a name that no other calibration has."""
    return f"{at:%Y-%m-%d}-{digest(calibration.model_dump(mode='json'))[:_NAMED_BY]}"


def write_result(result: TuningResult, path: Path) -> None:
    """Write it down for `goat tune apply`."""
    path.write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_result(path: Path) -> TuningResult:
    """Read what `write_result` wrote.

    Raises:
        BadResult: it cannot be read, or a part of it is refused; the text says which and why.
    """
    try:
        text = _text(path)
        json.loads(text)
    except OSError as error:
        raise BadResult(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError) as error:
        raise BadResult(f"{path} is no JSON: {error}. Write it with `write_result`.") from None
    try:
        return TuningResult.model_validate_json(text)
    except ValidationError as error:
        raise BadResult(f"{path} is refused: {_first(error)}") from None


def _text(path: Path) -> str:
    """Read a file; its size is looked at first, and a pipe or a device is not read at all."""
    size = path.stat().st_size
    if not path.is_file():
        raise BadResult(f"{path} cannot be read: it is no regular file.")
    if size > LARGEST:
        raise BadResult(f"{path} is larger than {LARGEST // 10**6} MB: that is no tuning result.")
    return path.read_text(encoding="utf-8")


def _first(error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    where = ".".join(str(part) for part in errors[0]["loc"])
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{where + ': ' if where else ''}{errors[0]['msg'].removeprefix('Value error, ')}.{more}"
