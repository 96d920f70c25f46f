"""Pictures of a LangGraph server's answers: the steps of a turn, a fork next to its original."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from matplotlib.figure import Figure

from bot.pictures.canvas import MARGIN, TITLE, WIDTH, Canvas, TextStyle
from bot.pictures.picture_values import Palette

NAME, TEXT = TextStyle(19, bold=True), TextStyle(16)
_ROW = 23.0
_INDENT = 18.0
_CHAR = 8.9
"""Average width of a letter of `TEXT` in pixels."""


@dataclass(frozen=True, slots=True)
class Told:
    """A node, and the lines of its story."""

    node: str
    lines: Sequence[str]


def steps_figure(steps: Sequence[Told], title: str, palette: Palette) -> Figure:
    """Draw every node's story, in the order in which they ran."""
    canvas = _titled(palette, title)
    for step in steps:
        top = canvas.y
        canvas.y += 14
        canvas.text((MARGIN + 18, canvas.y), step.node, NAME, palette.text)
        canvas.y += 27
        for row in _wrapped(step.lines, WIDTH - 2 * MARGIN - 18):
            _row(canvas, row, MARGIN + 18, WIDTH - 2 * MARGIN - 18)
            canvas.y += _ROW
        canvas.box((MARGIN, top, MARGIN + 5, canvas.y - 4), palette.kept)
        canvas.y += 10
    return canvas.figure()


def fork_figure(
    original: Sequence[Told], fork: Sequence[Told], titles: Sequence[str], palette: Palette
) -> Figure:
    """Draw two branches of one turn side by side; `titles` are the picture's and the two columns'."""
    canvas = _titled(palette, titles[0])
    width = (WIDTH - 2 * MARGIN - 28) / 2
    columns = (MARGIN, MARGIN + width + 28)
    for left, title, colour in zip(columns, titles[1:], (palette.kept, palette.mark), strict=True):
        canvas.box((left, canvas.y, left + width, canvas.y + 5), colour)
        canvas.text((left, canvas.y + 24), title, NAME, palette.text, room=width)
    canvas.y += 54
    for one, other in zip(original, fork, strict=True):
        canvas.text((MARGIN, canvas.y), one.node, NAME, palette.dim)
        canvas.y += 27
        for row in zip_longest(_wrapped(one.lines, width), _wrapped(other.lines, width), fillvalue=Row()):
            for left, one_row in zip(columns, row, strict=True):
                _row(canvas, one_row, left, width)
            canvas.y += _ROW
        canvas.y += 16
    return canvas.figure()


def _titled(palette: Palette, title: str) -> Canvas:
    canvas = Canvas(palette)
    canvas.text((MARGIN, canvas.y + 12), title, TITLE, palette.text, room=WIDTH - 2 * MARGIN)
    canvas.y += 48
    return canvas


@dataclass(frozen=True, slots=True)
class Row:
    """A line, or its continuation in the next row."""

    text: str = ""
    of: str = ""
    """Beginning of the whole line."""
    goes_on: bool = False


def _row(canvas: Canvas, row: Row, left: float, room: float) -> None:
    """Draw a row; kept memories are highlighted, cut ones dimmed."""
    colours = {"Cut": canvas.palette.dim, "Kept": canvas.palette.kept}
    colour = colours.get(row.of.partition(",")[0], canvas.palette.text)
    indent = _INDENT if row.goes_on else 0
    canvas.text((left + indent, canvas.y), row.text, TEXT, colour, room=room - indent)


def _wrapped(lines: Sequence[str], room: float) -> list[Row]:
    wide = int((room - _INDENT) / _CHAR)
    return [
        Row(text, line, goes_on=place > 0)
        for line in lines
        for place, text in enumerate(textwrap.wrap(line, wide))
    ]
