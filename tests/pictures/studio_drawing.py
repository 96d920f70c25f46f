"""Pictures of a LangGraph server's answers: its graph, the steps of a turn, a fork next to its original."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from matplotlib.figure import Figure

from bot.pictures.canvas import MARGIN, SMALL, TITLE, WIDTH, Canvas, TextStyle
from bot.pictures.palette import Palette

NAME, TEXT = TextStyle(19, bold=True), TextStyle(16)
_ROW = 23.0
_PAD = 12.0
_GAP = 11.0
_NARROW, _WIDE = 144.0, 285.0
_INDENT = 18.0
_CHAR = 8.9
"""Average width of a letter of `TEXT` in pixels."""
_HEAD = 7.0
RANKS: tuple[tuple[str, ...], ...] = (
    ("__start__",),
    ("prefetch", "identity", "facts", "working"),
    ("gap_filter",),
    ("budget",),
    ("assemble",),
    ("respond", "tools"),
    ("ground",),
    ("archive",),
    ("__end__",),
)
"""Nodes that are drawn side by side."""


@dataclass(frozen=True, slots=True)
class Told:
    """A node, and the lines of its story."""

    node: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Box:
    """Position of a node."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        """Return the horizontal centre."""
        return (self.left + self.right) / 2


def graph_figure(drawn: Mapping[str, Any], palette: Palette) -> Figure:
    """Draw the graph from `assistants.get_graph`.

    Raises:
        ValueError: a node has no place in the layout.
    """
    captions = {node["id"]: dict(node.get("metadata") or {}) for node in drawn["nodes"]}
    if missing := captions.keys() - {name for rank in RANKS for name in rank}:
        raise ValueError(f"There is no place for {', '.join(sorted(missing))}.")
    canvas = _titled(palette, "The graph, as the server draws it")
    boxes = _placed(captions, canvas)
    for edge in drawn["edges"]:
        dashed = bool(edge.get("conditional"))
        _arrow(canvas, boxes[edge["source"]], boxes[edge["target"]], dashed=dashed)
    for name, box in boxes.items():
        _node(canvas, name, captions[name], box)
    canvas.text((MARGIN, canvas.y + 10), "Dashed: one of these ways is taken.", SMALL, palette.dim)
    canvas.y += 20
    return canvas.figure()


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


def _placed(captions: Mapping[str, Mapping[str, str]], canvas: Canvas) -> dict[str, Box]:
    boxes: dict[str, Box] = {}
    for rank in RANKS:
        names = [name for name in rank if name in captions]
        wides = [_width(name, rank) for name in names]
        left = (WIDTH - sum(wides) - _GAP * (len(names) - 1)) / 2
        if names[0] == "respond":
            left = (WIDTH - wides[0]) / 2
        high = max(_height(name, captions[name], wide) for name, wide in zip(names, wides, strict=True))
        for name, wide in zip(names, wides, strict=True):
            boxes[name] = Box(left, canvas.y, left + wide, canvas.y + high)
            left += wide + (_GAP if len(rank) > 2 else 90)
        canvas.y += high + 34
    return boxes


def _width(name: str, rank: Sequence[str]) -> float:
    if name.startswith("__"):
        return 90.0
    return _NARROW if name in {"identity", "facts", "working", "tools"} and len(rank) > 1 else _WIDE


def _rows(name: str, captions: Mapping[str, str], wide: float) -> list[tuple[str, TextStyle]]:
    rows: list[tuple[str, TextStyle]] = [(name.strip("_"), NAME)]
    for key, value in captions.items():
        told = value if key == "does" else f"{key}: {value}"
        rows += [(row, TEXT) for row in textwrap.wrap(told, int((wide - _PAD) / _CHAR))]
    return rows


def _height(name: str, captions: Mapping[str, str], wide: float) -> float:
    return len(_rows(name, captions, wide)) * _ROW + _PAD


def _node(canvas: Canvas, name: str, captions: Mapping[str, str], box: Box) -> None:
    palette = canvas.palette
    canvas.box((box.left, box.top, box.right, box.bottom), palette.track)
    y = box.top + _PAD / 2 + _ROW / 2
    for text, letters in _rows(name, captions, box.right - box.left):
        colour = palette.text if letters is NAME else palette.dim
        room = box.right - box.left - _PAD
        canvas.text((box.middle, y), text, letters, colour, align="center", room=room)
        y += _ROW


def _arrow(canvas: Canvas, source: Box, target: Box, *, dashed: bool) -> None:
    """Draw an arrow down, to and from a node that stands beside, or on the left past what lies between."""
    colour = canvas.palette.kept
    if source.top == target.top:
        right = source.right < target.left
        y = source.top + (source.bottom - source.top) * (0.3 if right else 0.7)
        ends = (source.right, target.left) if right else (source.left, target.right)
        canvas.line((ends[0], y), (ends[1], y), colour, dashed=dashed, width=1.8)
        _head(canvas, (ends[1], y), (-1 if right else 1, 0), colour)
    elif not 0 < target.top - source.bottom <= 60:
        left = min(source.left, target.left) - 40
        upwards = target.top < source.top
        y = source.top + (source.bottom - source.top) * (0.35 if upwards else 0.65)
        end = (target.top + target.bottom) / 2
        for points in (
            ((source.left, y), (left, y)),
            ((left, y), (left, end)),
            ((left, end), (target.left, end)),
        ):
            canvas.line(*points, colour, dashed=dashed, width=1.8)
        _head(canvas, (target.left, end), (-1, 0), colour)
    else:
        tip = (target.middle, target.top)
        canvas.line((source.middle, source.bottom), tip, colour, dashed=dashed, width=1.8)
        _head(canvas, tip, (0, -1), colour)


def _head(canvas: Canvas, tip: tuple[float, float], back: tuple[int, int], colour: str) -> None:
    (x, y), (dx, dy) = tip, back
    for side in (-1, 1):
        end = (x + dx * _HEAD + dy * side * _HEAD * 0.6, y + dy * _HEAD + dx * side * _HEAD * 0.6)
        canvas.line(tip, end, colour, width=1.8)
