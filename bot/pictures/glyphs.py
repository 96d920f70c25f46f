"""Texts that the pictures' font can draw: DejaVu Sans, which comes with matplotlib."""

import re
import unicodedata
from functools import partial

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import FT2Font

FAMILY = "DejaVu Sans"
LONGEST = 1000
"""Characters of a text that are looked at."""
_GAPS = re.compile("…(?:[… ]*…)?")
_LEAST = 0.8
"""Of a size, which can still be read."""
_PIXELS = 72
"""Dots an inch at which a point is a pixel."""


def drawable(text: str) -> str:
    """Return `text` on one line as far as the font has it.

    `…` stands for letters that it lacks; symbols and marks that it lacks are left out.
    """
    glyph = partial(_glyph, _font(bold=False))
    known = "".join(map(glyph, text[:LONGEST]))
    return " ".join(_GAPS.sub("…", known).split())


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Return how many pixels a drawable text is wide whose font is `size` pixels high."""
    font = _font(bold=bold)
    font.set_size(size, _PIXELS)
    font.set_text(text)
    return font.get_width_height()[0] / 64


def shrunk(text: str, size: float, room: float, *, bold: bool = False) -> float:
    """Return the size at which a drawable text takes at most `room` pixels, or the least that can be read."""
    wide = width_of(text, size, bold=bold)
    return size if wide <= room else max(size * room / wide, size * _LEAST)


def fitted(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """Return a drawable text, cut so that it takes at most `room` pixels."""
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
