"""What the pictures show, as plain values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


def share(value: float) -> float:
    """Return a value as a share in [0, 1]; what is no number counts as 0."""
    return 0.0 if math.isnan(value) else min(max(value, 0.0), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """A memory that was found, and what became of it."""

    number: int
    date: str
    """As it is to be read."""
    probability: float
    """That it matters, in [0, 1]."""
    kept: bool
    rule: str = ""
    """What decided, in words."""
    snippet: str = ""
    """How it begins; empty: not shown."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The probability that a memory had to reach."""

    value: float
    name: str


@dataclass(frozen=True, slots=True)
class Scores:
    """What was found for a turn: the kept ones first."""

    rows: Sequence[ScoreRow]
    mark: Mark | None = None
    """None where the rule did not go by probability."""

    @property
    def kept(self) -> list[ScoreRow]:
        return [row for row in self.rows if row.kept]

    @property
    def cut(self) -> list[ScoreRow]:
        return [row for row in self.rows if not row.kept]


@dataclass(frozen=True, slots=True)
class Share:
    """What one layer takes of the prompt, in tokens."""

    name: str
    used: int
    limit: int | None = None
    """None where there is none of its own."""


@dataclass(frozen=True, slots=True)
class Room:
    """How the prompt of a turn was shared out."""

    shares: Sequence[Share]
    total: int
    """Tokens that all may take together."""

    @property
    def left(self) -> int:
        return max(self.total - sum(max(share.used, 0) for share in self.shares), 0)


@dataclass(frozen=True, slots=True)
class Point:
    """Where a rule works, or may be made to work."""

    coverage: float
    risk: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """Risk against coverage of one rule, as its threshold moves; all are shares in [0, 1].

    A rule without a threshold is a curve of one point. Not-a-number leaves a gap.

    Raises:
        ValueError: the sequences are not equally long.
    """

    name: str
    coverage: Sequence[float]
    """Of the turns that something is known for, those for which something is shown."""
    risk: Sequence[float]
    """Of what is shown, what is wrong; or of the turns that nothing is known for, those with any shown."""
    lower: Sequence[float] = ()
    """Of the confidence band of `risk`, as `upper`; both empty: no band."""
    upper: Sequence[float] = ()
    point: Point | None = None

    def __post_init__(self) -> None:
        """Check that there is one value of each at every point."""
        lengths = {len(self.coverage), len(self.risk)}
        if self.lower or self.upper:
            lengths |= {len(self.lower), len(self.upper)}
        if len(lengths) > 1:
            raise ValueError(
                f"The curve {self.name!r} has {len(self.coverage)} coverages, {len(self.risk)} risks, "
                f"{len(self.lower)} lower and {len(self.upper)} upper bounds: give each point one of each."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of the pictures of a turn, in one language; `{count}` and `{total}` stand for numbers."""

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
