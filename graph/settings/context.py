"""Thresholds and context of a turn, and the tables of `goat.toml` that `goat tune apply` writes.

All are plain JSON, so that Studio can show a form and fork past turns.
"""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from memory.recall.fusion_weights import BALANCED, FusionWeights
from memory.recall.gap_rules import GapRule
from memory.recall.ranking import RankRule
from memory.recall.relevance import LONGEST_NAME, Calibration
from memory.tuning.tuning_result import Tuned

_USED_BY: Mapping[str, tuple[str, ...]] = {
    "prefetch": ("prefetch_", "fusion_", "cache_"),
    "gap_filter": ("prefetch_results", "rank_", "gap_"),
    "budget": ("budget_", "l3_", "l2_"),
    "respond": ("tool_",),
}
"""The thresholds that a node decides by, as beginnings of their names."""


class Thresholds(BaseModel):
    """The numbers and rules that select the model's memory, with their limits."""

    model_config = ConfigDict(extra="forbid")

    budget_base: int = Field(
        2000, ge=0, le=200_000, title="Budget: base", description="Tokens of memory that every turn gets."
    )
    budget_confidence_multiplier: int = Field(
        4000,
        ge=0,
        le=200_000,
        title="Budget: confidence multiplier",
        description="Tokens added in proportion to how much context the message calls for.",
    )
    budget_complexity_bonus: int = Field(
        2000,
        ge=0,
        le=200_000,
        title="Budget: complexity bonus",
        description="Tokens added in proportion to the message's length and connectors.",
    )
    budget_hard_cap: int = Field(
        12_000, ge=100, le=1_000_000, title="Budget: hard cap", description="Limit on the tokens of memory."
    )
    prefetch_timeout: float = Field(
        0.5,
        gt=0,
        le=30,
        title="Prefetch: deadline",
        description="Seconds after which a search is abandoned and reported as late.",
    )
    prefetch_results: int = Field(
        15, ge=1, le=100, title="Prefetch: results", description="Number of candidates for the gap filter."
    )
    rank_rule: RankRule = Field(
        RankRule.RELEVANCE,
        title="Ranking: rule",
        description="`relevance`, or `blend`: the sum of similarity, recency and access.",
    )
    rank_tie: float = Field(
        0.25,
        gt=0,
        le=100,
        title="Ranking: tie",
        description="Scores this close count as equal: the newer memory comes first (`relevance`).",
    )
    rank_recency_window: float = Field(
        30,
        gt=0,
        le=36_500,
        title="Ranking: recency window",
        description="Days after which a memory counts as old (`blend`).",
    )
    rank_access_reference: int = Field(
        10,
        ge=1,
        le=1_000_000,
        title="Ranking: access reference",
        description="Accesses at which a memory counts as often used (`blend`).",
    )
    l3_minimum: int = Field(
        1200,
        ge=0,
        le=100_000,
        title="Split: L3 minimum",
        description="Tokens reserved for recalled memory, ahead of the conversation.",
    )
    l2_floor: int = Field(
        500,
        ge=0,
        le=100_000,
        title="Split: L2 floor",
        description="Tokens reserved for the conversation; goes before the L3 minimum only in tiny budgets.",
    )
    l2_cap: int = Field(
        8000, ge=0, le=1_000_000, title="Split: L2 cap", description="Limit on the tokens of conversation."
    )
    fusion_dense: float = Field(
        BALANCED.dense,
        ge=0,
        le=100,
        title="Fusion: meaning",
        description="Weight of a standard deviation of similarity; 0 ranks without vectors.",
    )
    fusion_lexical: float = Field(
        BALANCED.lexical,
        ge=0,
        le=100,
        title="Fusion: words",
        description="Weight of a point of BM25; 0 ranks without words.",
    )
    fusion_neighbours: float = Field(
        BALANCED.neighbours,
        ge=0,
        le=1,
        title="Fusion: neighbours",
        description="Share of its score that a turn adds to the turns before and after it.",
    )
    gap_rule: GapRule = Field(
        GapRule.STAGED,
        title="Gap filter: rule",
        description="`staged`: whether the message calls for memory, then which memories answer it; "
        "`calibrated`: each memory's probability of relevance; `null`: comparison with null turns of this "
        "archive; `ratio`: largest gap over mean gap.",
    )
    gap_calibration: str = Field(
        "",
        max_length=LONGEST_NAME,
        title="Gap filter: calibration",
        description="Name of a calibration in goat.toml, used as by `calibrated`; empty: the embedding "
        "model's own (`staged`, `calibrated`).",
    )
    gap_threshold: float = Field(
        0.5,
        ge=0,
        le=1,
        title="Gap filter: threshold",
        description="Least probability to show memories: that the message calls for them (`staged`), or that "
        "each is relevant (`calibrated`).",
    )
    gap_break: float = Field(
        3.0,
        gt=0,
        le=100,
        title="Gap filter: break",
        description="Drop in log-odds that ends the list: from the best memory (`staged`), or from the one "
        "before (`calibrated`).",
    )
    gap_null_share: float = Field(
        0.8,
        ge=0,
        le=1,
        title="Gap filter: null share",
        description="Share of null turns that a memory must beat to be shown (`null`).",
    )
    gap_significance: float = Field(
        3.0,
        ge=1,
        le=100,
        title="Gap filter: significance",
        description="Ratio of largest to mean gap above which the list ends at that gap (`ratio`).",
    )
    cache_ttl: float = Field(
        300,
        ge=0,
        le=86_400,
        title="Cache: time to live",
        description="Seconds that a search result is cached; 0 turns the cache off.",
    )
    tool_rounds: int = Field(
        4,
        ge=0,
        le=16,
        title="Tools: rounds",
        description="Rounds of tool calls before the model must answer; 0 offers no tools.",
    )

    def plain(self) -> dict[str, int | float | str]:
        values = self.model_dump(mode="json", include=set(Thresholds.model_fields))
        return {name: value for name, value in values.items() if isinstance(value, int | float | str)}

    def used_by(self, node: str) -> dict[str, int | float | str]:
        """Return the thresholds that a node decides by."""
        if (names := _USED_BY.get(node)) is None:
            return {}
        return {name: value for name, value in self.plain().items() if name.startswith(names)}

    def turn_context(self, owner: str = "") -> "TurnContext":
        """Return the context of a turn with these thresholds."""
        return TurnContext(owner=owner, **{name: getattr(self, name) for name in Thresholds.model_fields})

    @property
    def fusion(self) -> FusionWeights:
        return FusionWeights(
            dense=self.fusion_dense, lexical=self.fusion_lexical, neighbours=self.fusion_neighbours
        )


class Experiment(StrEnum):
    """Whether a run is an experiment, which writes nothing."""

    ON = "on"
    OFF = "off"
    FORKS = "forks"
    """When its turn is already archived."""


class TurnContext(Thresholds):
    """Context of a turn: owner, thresholds, experiment."""

    owner: str = Field(
        "",
        max_length=200,
        title="Owner",
        description="Whose memory is read and written. Empty: the thread's owner, or the configured one.",
    )
    experiment: Experiment = Field(
        Experiment.FORKS,
        title="Experiment: write nothing",
        description="An experiment writes nothing to memory and runs no tool that changes anything. `forks`: "
        "if the turn is already archived; `on`: always; `off`: never.",
    )


class TunedSettings(BaseModel):
    """Settings that are tables, allowed in `goat.toml` only."""

    calibrations: dict[str, Calibration] = Field(
        {}, description="Tuning: calibrations that `gap_calibration` names; `goat tune apply` writes them."
    )
    tuned: Tuned | None = Field(
        None, description="Tuning: the latest change by `goat tune apply`, and its evidence."
    )


TABLES = frozenset(TunedSettings.model_fields)
