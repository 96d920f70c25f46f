"""Plain values that the pictures show, and light and dark colours; no meaning depends on colour alone.

The hues are of Okabe and Ito's colour-blind-safe palette (https://jfly.uni-koeln.de/color/), lightened for
the dark background.
"""

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
class LayerShare:
    """Tokens of one layer in the prompt."""

    name: str
    used: int
    limit: int | None = None
    """None if the layer has no limit."""


@dataclass(frozen=True, slots=True)
class Room:
    """Division of a turn's prompt between layers."""

    shares: Sequence[LayerShare]
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


LINES = ("solid", "dashed", "dashdot", "dotted", (0, (5, 1, 1, 1, 1, 1)))
"""Line styles of series."""
MARKERS = ("o", "s", "^", "D", "v")
"""Point markers of series."""
HATCHES = ("", "//", "\\\\", "..", "xx")
"""Area hatches of series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours as `#rrggbb`."""

    name: str
    ground: str
    text: str
    dim: str
    """Secondary text, still legible."""
    track: str
    """Empty parts of bars, and grid lines."""
    kept: str
    cut: str
    mark: str
    """Thresholds and limits."""
    series: tuple[str, ...]
    """Colours of series, in the order of `LINES`, `MARKERS` and `HATCHES`."""


LIGHT = Palette(
    name="light",
    ground="#ffffff",
    text="#1f2328",
    dim="#59636e",
    track="#e4e8ec",
    kept="#0072b2",
    cut="#818b98",
    mark="#b34700",
    series=("#0072b2", "#b34700", "#00795a", "#a8487e", "#6b6b00"),
)
DARK = Palette(
    name="dark",
    ground="#0d1117",
    text="#f0f3f6",
    dim="#a3adb8",
    track="#2b333d",
    kept="#56b4e9",
    cut="#8b949e",
    mark="#f0a500",
    series=("#56b4e9", "#f0a500", "#2fc79b", "#e089b8", "#f0e442"),
)
PALETTES = (LIGHT, DARK)
