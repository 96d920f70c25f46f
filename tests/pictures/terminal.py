"""A picture of a conversation in a terminal."""

from matplotlib.figure import Figure

from bot.pictures.canvas import DPI, POINTS_AN_INCH
from bot.pictures.picture_values import Palette

_FONT, _SIZE = "DejaVu Sans Mono", 15.0
"""Font size in pixels."""
_ROW, _COLUMN, _MARGIN = 21.0, 9.05, 20.0


def terminal_figure(shown: str, palette: Palette) -> Figure:
    """Draw a terminal's lines; typed lines, which begin with `> `, are highlighted."""
    lines = shown.splitlines()
    width = 2 * _MARGIN + _COLUMN * max(map(len, lines))
    height = 2 * _MARGIN + _ROW * len(lines)
    figure = Figure((width / DPI, height / DPI), dpi=DPI, facecolor=palette.ground)
    for place, line in enumerate(lines):
        typed = line.startswith("> ")
        figure.text(
            _MARGIN / width,
            1 - (_MARGIN + _ROW * (place + 0.5)) / height,
            line.replace("$", r"\$"),
            fontfamily=_FONT,
            fontsize=_SIZE * POINTS_AN_INCH / DPI,
            fontweight="bold" if typed else "normal",
            color=palette.kept if typed else palette.text,
            verticalalignment="center_baseline",
        )
    return figure
