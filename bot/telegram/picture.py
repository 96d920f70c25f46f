"""A picture of how probable each memory was that was found for a turn, and where the list was cut."""

import io
from collections.abc import Sequence
from datetime import tzinfo

from PIL import Image, ImageDraw, ImageFont

from bot.decisions import Judged, judged
from bot.telegram.why import when
from graph.state import State

WIDTH = 800
ROWS_SHOWN = 40
_MARGIN, _ROW, _BAR, _FONT = 22, 46, 30, 26
_NUMBER_END, _DATE_START = 60, 76
_START, _END = 306, 698
"""Where 0 % and 100 % lie."""
_GROUND, _TEXT, _DIM, _TRACK = "#1f252d", "#f0f3f6", "#9aa4af", "#2b333d"
_KEPT, _CUT, _MARK = "#3fb950", "#7d8793", "#ffc94d"
_DASH = 8
_COLOURS = 64

Box = tuple[float, float, float, float]


def scores_picture(state: State, zone: tzinfo) -> bytes | None:
    """Return a PNG with a bar for each candidate, numbered as in the text; None when there are none.

    The threshold is drawn where it is a probability: other rules hold other values against it.
    """
    if "allocation" not in state or not (rows := judged(state)):
        return None
    shown = rows[:ROWS_SHOWN]
    height = _top(len(shown)) + (_ROW if len(rows) > len(shown) else 0) + _ROW
    image = Image.new("RGB", (WIDTH, height + _MARGIN // 2), _GROUND)
    canvas = Canvas(ImageDraw.Draw(image))
    for place, row in enumerate(shown):
        canvas.row(place, row, when(row.candidate.at, zone))
    canvas.left_out(len(shown), len(rows) - len(shown))
    canvas.scale(height - _ROW / 2)
    canvas.marks(shown)
    out = io.BytesIO()
    image.quantize(_COLOURS).save(out, "PNG", optimize=True)
    return out.getvalue()


class Canvas:
    """Draws the parts of the picture."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw
        self._font = ImageFont.load_default(_FONT)
        self._small = ImageFont.load_default(_FONT - 4)

    def row(self, place: int, row: Judged, date: str) -> None:
        middle = _top(place) + _ROW / 2
        kept, chance = row.decision.kept, row.decision.probability
        top, bottom, end = middle - _BAR / 2, middle + _BAR / 2, _across(chance)
        self._draw.rounded_rectangle((_START, top, _END, bottom), 4, fill=_TRACK)
        self._draw.rounded_rectangle((_START, top, max(end, _START + 3), bottom), 4, fill=_colour(row))
        self._write((_NUMBER_END, middle), str(row.number), _TEXT if kept else _DIM, "rm")
        self._write((_DATE_START, middle), date, _TEXT if kept else _DIM, "lm")
        self._write((WIDTH - _MARGIN, middle), f"{chance:.0%}", _TEXT if kept else _DIM, "rm")

    def left_out(self, place: int, count: int) -> None:
        """Say how many more there are than the picture has rows."""
        if count:
            self._write((_DATE_START, _top(place) + _ROW / 2), f"+ {count}", _DIM, "lm")

    def scale(self, middle: float) -> None:
        for share in (0.0, 0.5, 1.0):
            self._draw.text((_across(share), middle), f"{share:.0%}", _DIM, self._small, "mm")

    def marks(self, rows: Sequence[Judged]) -> None:
        """Draw the threshold across the bars, and a line between what was kept and what was cut."""
        threshold = threshold_of(rows)
        if threshold is not None:
            across = _across(threshold)
            self._dashed((across, _top(0) - 6, across, _top(len(rows))))
            self._draw.text((across, _top(0) - 12), f"{threshold:.0%}", _MARK, self._small, "ms")
        kept = sum(row.decision.kept for row in rows)
        if 0 < kept < len(rows):
            self._dashed((_MARGIN, _top(kept), WIDTH - _MARGIN, _top(kept)))

    def _dashed(self, line: Box) -> None:
        """Draw a dashed line, across or down."""
        left, top, right, bottom = line
        across = right > left
        length = int(right - left if across else bottom - top)
        for start in range(0, length, 2 * _DASH):
            stop = min(start + _DASH, length)
            dash = (left + start, top, left + stop, top) if across else (left, top + start, left, top + stop)
            self._draw.line(dash, _MARK, 3)

    def _write(self, at: tuple[float, float], text: str, colour: str, anchor: str) -> None:
        self._draw.text(at, text, colour, self._font, anchor)


def threshold_of(rows: Sequence[Judged]) -> float | None:
    """Return the probability that a memory had to reach; None where the rule did not go by probability."""
    calibrated = (row.decision for row in rows if row.decision.rule in {"calibrated", "break"})
    return next((d.threshold for d in calibrated if 0 <= d.threshold <= 1), None)


def _top(place: int) -> int:
    return _MARGIN + _ROW * place + _ROW * 3 // 4


def _across(probability: float) -> float:
    return _START + (_END - _START) * min(max(probability, 0.0), 1.0)


def _colour(row: Judged) -> str:
    return _KEPT if row.decision.kept else _CUT
