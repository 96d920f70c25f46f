"""Text that the pictures' font, DejaVu Sans from matplotlib, can draw."""

import re
import unicodedata
from functools import partial

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import FT2Font

FAMILY = "DejaVu Sans"
LONGEST = 1000
"""Characters drawn of a text, at most."""
_GAPS = re.compile("…(?:[… ]*…)?")
_LEAST = 0.8
"""Smallest legible share of a font size."""
_PIXELS = 72
"""Dots per inch at which a point is a pixel."""


def to_drawable(text: str) -> str:
    """Return `text` on one line without characters that the font lacks.

    Missing letters become `…`; missing symbols and marks are removed.
    """
    glyph = partial(_glyph, _font(bold=False))
    known = "".join(map(glyph, text[:LONGEST]))
    return " ".join(_GAPS.sub("…", known).split())


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width in pixels of a drawable text at a font size in pixels."""
    font = _font(bold=bold)
    font.set_size(size, _PIXELS)
    font.set_text(text)
    return font.get_width_height()[0] / 64


def fit_size(text: str, size: float, room: float, *, bold: bool = False) -> float:
    """Return the font size at which a drawable text fits into `room` pixels, or the smallest legible one."""
    wide = width_of(text, size, bold=bold)
    return size if wide <= room else max(size * room / wide, size * _LEAST)


def truncate(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """Truncate a drawable text to `room` pixels."""
    if width_of(text, size, bold=bold) <= room:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if width_of(f"{text[:middle]}…", size, bold=bold) <= room:
            fits = middle
        else:
            too_long = middle
    return f"{text[:fits].rstrip()}…"


def _font(*, bold: bool) -> FT2Font:
    return get_font(findfont(FontProperties(family=FAMILY, weight="bold" if bold else "normal")))


def _glyph(font: FT2Font, char: str) -> str:
    category = unicodedata.category(char)
    if char.isspace() or category == "Cc":
        return " "
    if category in {"Cf", "Cs"}:
        return ""
    if font.get_char_index(ord(char)):
        return char
    return "…" if category[0] in "LN" else ""
