"""Plain values that the pictures show."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


def share(value: float) -> float:
    """Clamp a value to [0, 1]; NaN becomes 0."""
    return 0.0 if math.isnan(value) else min(max(value, 0.0), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """A memory found for a turn, with its decision."""

    number: int
    date: str
    """Display text."""
    probability: float
    """Probability of relevance, in [0, 1]."""
    kept: bool
    rule: str = ""
    """The deciding rule, in words."""
    snippet: str = ""
    """Beginning of the text; not shown if empty."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The probability threshold."""

    value: float
    name: str


@dataclass(frozen=True, slots=True)
class Scores:
    """Memories found for a turn, kept ones first."""

    rows: Sequence[ScoreRow]
    mark: Mark | None = None
    """None if the rule does not compare probabilities."""

    @property
    def kept(self) -> list[ScoreRow]:
        return [row for row in self.rows if row.kept]

    @property
    def cut(self) -> list[ScoreRow]:
        return [row for row in self.rows if not row.kept]


@dataclass(frozen=True, slots=True)
class Share:
    """Tokens of one layer in the prompt."""

    name: str
    used: int
    limit: int | None = None
    """None if the layer has no limit."""


@dataclass(frozen=True, slots=True)
class Room:
    """Division of a turn's prompt between layers."""

    shares: Sequence[Share]
    total: int
    """Token budget of all layers together."""

    @property
    def left(self) -> int:
        return max(self.total - sum(max(share.used, 0) for share in self.shares), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Words in the pictures of a turn, in one language; `{count}` and `{total}` are placeholders."""

    scores: str = "How likely each memory matters"
    threshold: str = "threshold"
    breaks: str = "the list breaks at"
    kept: str = "Used"
    cut: str = "Left out"
    nothing: str = "none"
    more: str = "and more that were found: {count}"
    room: str = "Room in the prompt: {total} tokens"
    fixed: str = "identity and facts"
    conversation: str = "conversation"
    memory: str = "memory"
    left: str = "free"
    used: str = "tokens"
    limit: str = "at most"
