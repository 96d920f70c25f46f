"""Tables of `goat.toml` that `goat tune apply` writes."""

from pydantic import BaseModel, Field

from memory.recall.relevance import Calibration
from memory.tuning.tuning_result import Tuned


class TunedSettings(BaseModel):
    """Settings that are tables, allowed in `goat.toml` only."""

    calibrations: dict[str, Calibration] = Field(
        {}, description="Tuning: calibrations that `gap_calibration` names; `goat tune apply` writes them."
    )
    tuned: Tuned | None = Field(
        None, description="Tuning: the latest change by `goat tune apply`, and its evidence."
    )


TABLES = frozenset(TunedSettings.model_fields)
