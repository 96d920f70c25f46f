"""Chart of a turn's prompt, divided between layers."""

from collections.abc import Sequence

from bot.pictures.canvas import MARGIN, NUMBER, SMALL, TEXT, TITLE, WIDTH, Canvas
from bot.pictures.palette import HATCHES
from bot.pictures.picture_values import Room, Share, Words

_BAR, _LINE, _SWATCH, _GAP = 40, 36, 24, 14
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
    canvas.y += TITLE.size / 2 + _GAP
    _bar(canvas, room)
    canvas.y += _GAP
    for text, end in ((words.used, _USED_END), (words.limit, _LIMIT_END)):
        canvas.text((end, canvas.y + SMALL.size / 2), text, SMALL, palette.dim, align="right")
    canvas.y += SMALL.size + _GAP / 2
    for place, one in enumerate(room.shares):
        _legend(canvas, place, one)
    _legend(canvas, None, Share(words.left, room.left))


def _bar(canvas: Canvas, room: Room) -> None:
    """Draw the shares side by side, scaled down if they exceed the budget."""
    left, right = MARGIN, WIDTH - MARGIN
    top, bottom = canvas.y, canvas.y + _BAR
    canvas.box((left, top, right, bottom), canvas.palette.track)
    for place, (start, end) in enumerate(_spans(room, left, right)):
        if end > start:
            _area(canvas, place, (start, top, end, bottom), room.shares[place].name)
    canvas.y += _BAR


def _spans(room: Room, left: float, right: float) -> Sequence[tuple[float, float]]:
    used = [max(one.used, 0) for one in room.shares]
    whole, at, spans = max(room.total, sum(used), 1), float(left), []
    for tokens in used:
        wide = max(tokens / whole * (right - left), _LEAST) if tokens else 0.0
        spans.append((at, min(at + wide, right)))
        at = min(at + wide, right)
    return spans


def _legend(canvas: Canvas, place: int | None, one: Share) -> None:
    palette, middle = canvas.palette, canvas.y + _LINE / 2
    swatch = (MARGIN, middle - _SWATCH / 2, MARGIN + 1.6 * _SWATCH, middle + _SWATCH / 2)
    if place is None:
        canvas.box(swatch, palette.track)
    else:
        _area(canvas, place, swatch, "")
    start = swatch[2] + _GAP
    canvas.text((start, middle), one.name, TEXT, palette.text, room=_USED_END - _NUMBER - start)
    used = f"{max(one.used, 0)}"
    canvas.text((_USED_END, middle), used, NUMBER, palette.text, align="right", room=_NUMBER)
    if one.limit is not None:
        limit = f"{one.limit}"
        canvas.text((_LIMIT_END, middle), limit, NUMBER, palette.dim, align="right", room=_NUMBER)
    canvas.y += _LINE


def _area(canvas: Canvas, place: int, box: tuple[float, float, float, float], label: str) -> None:
    colour = canvas.palette.series[place % len(canvas.palette.series)]
    canvas.box(box, colour, hatch=HATCHES[place % len(HATCHES)], label=label)
