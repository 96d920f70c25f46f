"""A drawing canvas in pixels that grows downwards, PNG files, and texts that their font can draw."""

import io
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import FT2Font
from matplotlib.patches import Rectangle
from PIL import Image

from bot.pictures.picture_values import Palette

FAMILY = "DejaVu Sans"
LONGEST = 1000
"""Maximum characters drawn of a text."""
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


DPI = 100
WIDTH = 800
"""Pixels; the width of a telephone's screen."""
MARGIN = 24
POINTS_AN_INCH = 72
_POINTS = POINTS_AN_INCH / DPI
_MOST_SIDES = 9_000
"""Pixels of width plus height; Telegram's limit is 10,000."""
_COLOURS = 128


Align = Literal["left", "center", "right"]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class TextStyle:
    size: float
    """Pixels."""
    bold: bool = False
    shrink: bool = False
    """Shrink a text that is too long before truncating it."""


TITLE, HEADING, SMALL = TextStyle(27, bold=True), TextStyle(23, bold=True), TextStyle(19)
TEXT, NUMBER = TextStyle(23), TextStyle(23, shrink=True)


@contextmanager
def style() -> Iterator[None]:
    """Isolate drawing from the user's matplotlibrc. The rcParams are global: draw one picture at a time."""
    with matplotlib.rc_context(
        {
            "font.family": [FAMILY],
            "text.usetex": False,
            "text.parse_math": False,
            "hatch.linewidth": 1.6,
            "savefig.bbox": "standard",
            "savefig.facecolor": "auto",
            "savefig.transparent": False,
        }
    ):
        yield


def png(figure: Figure, *, scale: float = 1.0) -> bytes:
    """Render a figure as a small PNG without metadata.

    `scale` multiplies the figure's pixels; a scale that exceeds Telegram's limit is reduced.
    """
    dpi = min(DPI * scale, _MOST_SIDES / float(sum(figure.get_size_inches())))
    drawn, out = io.BytesIO(), io.BytesIO()
    with style():
        figure.savefig(
            drawn, format="png", dpi=dpi, metadata={"Software": None}, pil_kwargs={"compress_level": 0}
        )
    with Image.open(drawn) as image:
        _few_colours(image.convert("RGB")).save(out, "PNG", optimize=True)
    return out.getvalue()


def _few_colours(image: Image.Image) -> Image.Image:
    """Reduce an image to a palette, with its exact background colour."""
    few = image.quantize(_COLOURS, Image.Quantize.FASTOCTREE)
    colours = few.getpalette() or []
    ground = np.asarray(few)[0, 0]
    colours[3 * ground : 3 * ground + 3] = np.asarray(image)[0, 0].tolist()
    few.putpalette(colours)
    return few


class Canvas:
    """Draws shapes and texts at pixel positions from the top left onto a figure."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self.y = float(MARGIN)
        """Bottom of the drawing so far; callers advance it."""
        self._figure = Figure(dpi=DPI, facecolor=palette.ground)
        self._axes = self._figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set_xlim(0, WIDTH)

    def text(
        self,
        at: tuple[float, float],
        text: str,
        font: TextStyle,
        colour: str,
        *,
        align: Align = "left",
        room: float = WIDTH,
    ) -> None:
        """Draw a line of text, vertically centred, truncated to `room` pixels."""
        shown, size, bold = to_drawable(text), font.size, font.bold
        if font.shrink:
            size = fit_size(shown, size, room, bold=bold)
        if shown := truncate(shown, size, room, bold=bold):
            self._axes.text(
                *at,
                shown,
                fontsize=size * _POINTS,
                color=colour,
                horizontalalignment=align,
                verticalalignment="center_baseline",
                fontweight="bold" if bold else "normal",
            )

    def box(self, box: Box, colour: str, *, hatch: str = "", label: str = "") -> None:
        """Fill a box; with a hatch, draw its outline and stripes instead."""
        left, top, right, bottom = box
        self._axes.add_patch(
            Rectangle(
                (left, top),
                right - left,
                bottom - top,
                linewidth=1.6 if hatch else 0,
                hatch=hatch or None,
                facecolor=self.palette.ground if hatch else colour,
                edgecolor=colour,
                label=label,
            )
        )

    def line(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        colour: str,
        *,
        dashed: bool = False,
        width: float = 2.5,
    ) -> None:
        (left, top), (right, bottom) = start, end
        self._axes.plot(
            [left, right],
            [top, bottom],
            color=colour,
            linewidth=width,
            linestyle=(0, (4, 3)) if dashed else "solid",
            scalex=False,
            scaley=False,
        )

    def figure(self) -> Figure:
        """Return the figure, cropped to the height drawn."""
        height = self.y + MARGIN
        self._axes.set_ylim(height, 0)
        self._figure.set_size_inches(WIDTH / DPI, height / DPI)
        return self._figure
