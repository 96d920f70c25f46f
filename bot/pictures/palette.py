"""The colours of the pictures, light and dark; nothing is told apart by colour alone.

The hues are those of Okabe and Ito's palette for all kinds of colour vision (https://jfly.uni-koeln.de/color/),
lightened for the dark ground.
"""

from dataclasses import dataclass

LINES = ("solid", "dashed", "dashdot", "dotted", (0, (5, 1, 1, 1, 1, 1)))
"""How the lines of series are dashed."""
MARKERS = ("o", "s", "^", "D", "v")
"""How the points of series are shaped."""
HATCHES = ("", "//", "\\\\", "..", "xx")
"""How the areas of series are hatched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours as `#rrggbb`."""

    name: str
    ground: str
    text: str
    dim: str
    """Of what is secondary: still readable on the ground."""
    track: str
    """Of what a bar could fill, and of grid lines."""
    kept: str
    cut: str
    mark: str
    """Of thresholds and limits."""
    series: tuple[str, ...]
    """Of things side by side; with `LINES`, `MARKERS` and `HATCHES` in the same order."""


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
