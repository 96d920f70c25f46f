"""A drawing canvas in pixels that grows downwards, and PNG files."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from bot.pictures.glyphs import FAMILY, fit_size, to_drawable, truncate
from bot.pictures.palette import Palette

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
    """Font settings of a text."""

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
        """Draw a line."""
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
