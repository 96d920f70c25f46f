"""Thresholds and context of a turn: plain JSON, so that Studio can show a form and fork past turns."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from memory.recall.fusion_weights import BALANCED, FusionWeights
from memory.recall.gap_rules import GapRule
from memory.recall.ranking import RankRule
from memory.recall.relevance import LONGEST_NAME


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
        12_000, ge=100, le=1_000_000, title="Budget: hard cap", description="The most tokens of memory, ever."
    )
    prefetch_timeout: float = Field(
        0.5,
        gt=0,
        le=30,
        title="Prefetch: deadline",
        description="Seconds after which a search that is late is dropped, and named.",
    )
    prefetch_results: int = Field(
        15, ge=1, le=100, title="Prefetch: results", description="Candidates that go to the gap filter."
    )
    rank_rule: RankRule = Field(
        RankRule.RELEVANCE,
        title="Ranking: rule",
        description="`relevance`, or `blend`: similarity, recency and access added up.",
    )
    rank_tie: float = Field(
        0.25,
        gt=0,
        le=100,
        title="Ranking: tie",
        description="Scores so close count as equal: the newer memory stands first (`relevance`).",
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
        description="Tokens guaranteed to recalled memory before the conversation is served.",
    )
    l2_floor: int = Field(
        500,
        ge=0,
        le=100_000,
        title="Split: L2 floor",
        description="Tokens guaranteed to the conversation; wins over the L3 minimum on tiny budgets only.",
    )
    l2_cap: int = Field(
        8000, ge=0, le=1_000_000, title="Split: L2 cap", description="The most tokens of conversation, ever."
    )
    fusion_dense: float = Field(
        BALANCED.dense,
        ge=0,
        le=100,
        title="Fusion: meaning",
        description="What a standard deviation of similarity counts; 0 ranks without vectors.",
    )
    fusion_lexical: float = Field(
        BALANCED.lexical,
        ge=0,
        le=100,
        title="Fusion: words",
        description="What a point of BM25 counts; 0 ranks without words.",
    )
    fusion_neighbours: float = Field(
        BALANCED.neighbours,
        ge=0,
        le=1,
        title="Fusion: neighbours",
        description="Share of its score that a turn lends the turns before and after it.",
    )
    gap_rule: GapRule = Field(
        GapRule.STAGED,
        title="Gap filter: rule",
        description="`staged`: does the message call for memory, and which memories answer it; `calibrated`: "
        "probability of relevance of each; `null`: beat null turns held against this "
        "archive; `ratio`: largest gap over mean gap.",
    )
    gap_calibration: str = Field(
        "",
        max_length=LONGEST_NAME,
        title="Gap filter: calibration",
        description="Name of a calibration in goat.toml, which decides as `calibrated` does; empty: what "
        "comes with the embedding model (`staged`, `calibrated`).",
    )
    gap_threshold: float = Field(
        0.5,
        ge=0,
        le=1,
        title="Gap filter: threshold",
        description="Probability from which memories are shown: that the message calls for them (`staged`), "
        "or of each (`calibrated`).",
    )
    gap_break: float = Field(
        3.0,
        gt=0,
        le=100,
        title="Gap filter: break",
        description="Fall of the log-odds that ends the list: below the best (`staged`), at once "
        "(`calibrated`).",
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
        description="Largest gap over mean gap from which the list is cut there (`ratio`).",
    )
    cache_ttl: float = Field(
        300,
        ge=0,
        le=86_400,
        title="Cache: time to live",
        description="Seconds that a search result may be used again; 0 turns the cache off.",
    )
    tool_rounds: int = Field(
        4,
        ge=0,
        le=16,
        title="Tools: rounds",
        description="How often a turn may call tools before it must answer; 0 offers the model none.",
    )

    def plain(self) -> dict[str, int | float | str]:
        """Return the thresholds by name."""
        values = self.model_dump(mode="json", include=set(Thresholds.model_fields))
        return {name: value for name, value in values.items() if isinstance(value, int | float | str)}

    @property
    def fusion(self) -> FusionWeights:
        """The ranking's weights."""
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
        description="In an experiment nothing is written to memory, and no tool runs that changes anything. "
        "`forks`: when the turn stands in the archive already; `on`: always; `off`: never.",
    )
