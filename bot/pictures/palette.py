"""Light and dark colours of the pictures; no meaning depends on colour alone.

The hues are of Okabe and Ito's colour-blind-safe palette (https://jfly.uni-koeln.de/color/), lightened for
the dark background.
"""

from dataclasses import dataclass

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
