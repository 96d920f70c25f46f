"""The picture of a turn: the probability of each memory with the threshold, and the prompt's layers."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from bot.pictures.canvas import (
    HEADING,
    MARGIN,
    NUMBER,
    SMALL,
    TEXT,
    TITLE,
    WIDTH,
    Canvas,
    TextStyle,
    png,
    style,
    to_drawable,
    width_of,
)
from bot.pictures.picture_values import (
    HATCHES,
    LIGHT,
    LayerShare,
    Mark,
    Palette,
    Room,
    ScoreRow,
    Scores,
    Words,
    share,
)

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


_WHOLE_BAR, _SHARE_LINE, _SWATCH, _SHARE_GAP = 40, 36, 24, 14
_USED_END, _LIMIT_END = 610, WIDTH - MARGIN
_NUMBER = 130
_LEAST = 3
"""Least width in pixels of a non-empty share."""


def draw_room(canvas: Canvas, room: Room, words: Words) -> None:
    """Draw one bar of the whole prompt, and a line for each share."""
    palette = canvas.palette
    canvas.y += TITLE.size / 2
    title = words.room.replace("{total}", str(room.total))
    canvas.text((MARGIN, canvas.y), title, TITLE, palette.text, room=WIDTH - 2 * MARGIN)
    canvas.y += TITLE.size / 2 + _SHARE_GAP
    _bar(canvas, room)
    canvas.y += _SHARE_GAP
    for text, end in ((words.used, _USED_END), (words.limit, _LIMIT_END)):
        canvas.text((end, canvas.y + SMALL.size / 2), text, SMALL, palette.dim, align="right")
    canvas.y += SMALL.size + _SHARE_GAP / 2
    for place, one in enumerate(room.shares):
        _legend(canvas, place, one)
    _legend(canvas, None, LayerShare(words.left, room.left))


def _bar(canvas: Canvas, room: Room) -> None:
    """Draw the shares side by side, scaled down if they exceed the budget."""
    left, right = MARGIN, WIDTH - MARGIN
    top, bottom = canvas.y, canvas.y + _WHOLE_BAR
    canvas.box((left, top, right, bottom), canvas.palette.track)
    for place, (start, end) in enumerate(_spans(room, left, right)):
        if end > start:
            _area(canvas, place, (start, top, end, bottom), room.shares[place].name)
    canvas.y += _WHOLE_BAR


def _spans(room: Room, left: float, right: float) -> Sequence[tuple[float, float]]:
    used = [max(one.used, 0) for one in room.shares]
    whole, at, spans = max(room.total, sum(used), 1), float(left), []
    for tokens in used:
        wide = max(tokens / whole * (right - left), _LEAST) if tokens else 0.0
        spans.append((at, min(at + wide, right)))
        at = min(at + wide, right)
    return spans


def _legend(canvas: Canvas, place: int | None, one: LayerShare) -> None:
    palette, middle = canvas.palette, canvas.y + _SHARE_LINE / 2
    swatch = (MARGIN, middle - _SWATCH / 2, MARGIN + 1.6 * _SWATCH, middle + _SWATCH / 2)
    if place is None:
        canvas.box(swatch, palette.track)
    else:
        _area(canvas, place, swatch, "")
    start = swatch[2] + _SHARE_GAP
    canvas.text((start, middle), one.name, TEXT, palette.text, room=_USED_END - _NUMBER - start)
    used = f"{max(one.used, 0)}"
    canvas.text((_USED_END, middle), used, NUMBER, palette.text, align="right", room=_NUMBER)
    if one.limit is not None:
        limit = f"{one.limit}"
        canvas.text((_LIMIT_END, middle), limit, NUMBER, palette.dim, align="right", room=_NUMBER)
    canvas.y += _SHARE_LINE


def _area(canvas: Canvas, place: int, box: tuple[float, float, float, float], label: str) -> None:
    colour = canvas.palette.series[place % len(canvas.palette.series)]
    canvas.box(box, colour, hatch=HATCHES[place % len(HATCHES)], label=label)


def turn_figure(
    scores: Scores | None,
    room: Room | None,
    *,
    palette: Palette = LIGHT,
    words: Words | None = None,
    most: int = ROWS,
) -> Figure:
    """Draw the scores above the shares; either may be None."""
    with style():
        canvas, texts = Canvas(palette), words or Words()
        if scores is not None:
            draw_scores(canvas, scores, texts, most)
        if scores is not None and room is not None:
            canvas.y += 2 * MARGIN
        if room is not None:
            draw_room(canvas, room, texts)
        return canvas.figure()


def turn_png(scores: Scores | None, room: Room | None, *, palette: Palette, words: Words) -> bytes:
    return png(turn_figure(scores, room, palette=palette, words=words))
