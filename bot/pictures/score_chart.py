"""Chart of the probability of each memory found for a turn, with the threshold."""

from collections.abc import Sequence

from bot.pictures.canvas import HEADING, MARGIN, NUMBER, SMALL, TEXT, TITLE, WIDTH, Canvas, TextStyle
from bot.pictures.glyphs import to_drawable, width_of
from bot.pictures.picture_values import Mark, ScoreRow, Scores, Words, share

ROWS = 30
"""Most memories drawn: a longer picture is too small on a telephone."""
_NAME = TextStyle(19, bold=True)
_ROW, _LINE, _BAR, _GAP = 40, 25, 26, 10
_NUMBER_END, _DATE_START, _DATE_ROOM = 62, 78, 236
_START, _END = 326, 694
"""Positions of 0 % and 100 %."""
_HATCH = "///"


def draw_scores(canvas: Canvas, scores: Scores, words: Words, most: int) -> None:
    """Draw a bar for each of up to `most` memories: kept ones filled, cut ones hatched."""
    palette = canvas.palette
    canvas.y += TITLE.size / 2
    canvas.text((MARGIN, canvas.y), words.scores, TITLE, palette.text, room=WIDTH - 2 * MARGIN)
    canvas.y += TITLE.size
    _name(canvas, scores.mark)
    kept = scores.kept[:most]
    cut = scores.cut[: most - len(kept)]
    _group(canvas, f"{words.kept} ({len(scores.kept) or words.nothing})", kept, scores.mark)
    if scores.cut:
        canvas.line((MARGIN, canvas.y), (WIDTH - MARGIN, canvas.y), palette.mark, dashed=True)
        canvas.y += _GAP
        _group(canvas, f"{words.cut} ({len(scores.cut)})", cut, scores.mark)
    canvas.y += SMALL.size / 2
    for part in (0.0, 0.5, 1.0):
        canvas.text((_across(part), canvas.y), f"{part:.0%}", SMALL, palette.dim, align="center")
    canvas.y += SMALL.size / 2
    if left := len(scores.rows) - len(kept) - len(cut):
        text = words.more.replace("{count}", str(left))
        canvas.y += _LINE / 2
        canvas.text((MARGIN, canvas.y), text, SMALL, palette.dim, room=WIDTH - 2 * MARGIN)
        canvas.y += _LINE / 2


def _name(canvas: Canvas, mark: Mark | None) -> None:
    """Draw the label of the threshold above the bars."""
    if mark is None:
        return
    colour, across = canvas.palette.mark, _across(mark.value)
    text = f"{mark.name} {share(mark.value):.0%}"
    canvas.y += SMALL.size / 2
    half = min(width_of(to_drawable(text), _NAME.size, bold=True), WIDTH - 2 * MARGIN) / 2
    middle = max(min(across, WIDTH - MARGIN - half), MARGIN + half)
    canvas.text((middle, canvas.y), text, _NAME, colour, align="center", room=WIDTH - 2 * MARGIN)
    canvas.line((across, canvas.y + SMALL.size * 0.7), (across, canvas.y + SMALL.size * 0.7 + 12), colour)
    canvas.y += SMALL.size / 2


def _group(canvas: Canvas, heading: str, rows: Sequence[ScoreRow], mark: Mark | None) -> None:
    """Draw a heading and its rows."""
    canvas.y += _LINE / 2
    canvas.text((MARGIN, canvas.y), heading, HEADING, canvas.palette.text, room=WIDTH - 2 * MARGIN)
    canvas.y += _LINE / 2 + _GAP / 2
    for row in rows:
        _row(canvas, row, mark)
    canvas.y += _GAP


def _row(canvas: Canvas, row: ScoreRow, mark: Mark | None) -> None:
    palette, chance = canvas.palette, share(row.probability)
    middle = canvas.y + _ROW / 2
    top, bottom = middle - _BAR / 2, middle + _BAR / 2
    colour = palette.text if row.kept else palette.dim
    number_room = _NUMBER_END - MARGIN
    canvas.text((_NUMBER_END, middle), f"{row.number}", NUMBER, colour, align="right", room=number_room)
    canvas.text((_DATE_START, middle), row.date, NUMBER, colour, room=_DATE_ROOM)
    canvas.text((WIDTH - MARGIN, middle), f"{chance:.0%}", TEXT, colour, align="right")
    canvas.box((_START, top, _END, bottom), palette.track)
    filled = (_START, top, max(_across(chance), _START + 3), bottom)
    if row.kept:
        canvas.box(filled, palette.kept, label="kept")
    else:
        canvas.box(filled, palette.cut, hatch=_HATCH, label="cut")
    if mark:
        across = _across(mark.value)
        canvas.line((across, top - 4), (across, bottom + 4), palette.mark)
    canvas.y += _ROW
    for text, shade in ((row.snippet, colour), (row.rule, palette.dim)):
        if text:
            at = (_DATE_START, canvas.y + _LINE / 2 - 2)
            canvas.text(at, text, SMALL, shade, room=WIDTH - MARGIN - _DATE_START)
            canvas.y += _LINE


def _across(probability: float) -> float:
    return _START + (_END - _START) * share(probability)
