"""What `goat tune apply` writes beside the thresholds: tables of `goat.toml` that are read whole."""

from pydantic import BaseModel, Field

from memory.recall.relevance import Calibration
from memory.tuning.tuned_record import Tuned


class TunedSettings(BaseModel):
    """The settings that have a table of their own; they stand in `goat.toml` alone."""

    calibrations: dict[str, Calibration] = Field(
        {}, description="Tuning: calibrations that `gap_calibration` names; `goat tune apply` writes them."
    )
    tuned: Tuned | None = Field(
        None, description="Tuning: what `goat tune apply` wrote last, and what speaks for it."
    )


TABLES = frozenset(TunedSettings.model_fields)
