"""The pictures as terminal text of any width, without colour, in ASCII if needed."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from bot.pictures.picture_values import Curve, Mark, Room, ScoreRow, Scores, Share, Words, share

WIDTH = 80
_LEAST_BAR, _MOST_BAR = 10, 30
_STEPS = 10
"""Intervals of coverage in the text of a curve."""
_AS_ASCII = str.maketrans({"≥": ">=", "≤": "<=", "…": "...", "–": "-", "·": "-"})


@dataclass(frozen=True, slots=True)
class Signs:
    """Characters of bars."""

    kept: str
    cut: str
    track: str
    mark: str
    areas: str
    """One per share, cycled."""


UNICODE = Signs("█", "▒", "·", "│", "█▓▒░")
ASCII = Signs("#", "=", ".", "|", "#%+=")


def signs_for(ascii_only: bool) -> Signs:
    """Return the characters of bars, in ASCII or Unicode."""
    return ASCII if ascii_only else UNICODE


def to_ascii(text: str) -> str:
    """Transliterate `text` to ASCII, with question marks for other characters."""
    return text.translate(_AS_ASCII).encode("ascii", "replace").decode("ascii")


def scores_text(
    scores: Scores, *, width: int = WIDTH, words: Words | None = None, ascii_only: bool = False
) -> str:
    """Render a bar for each memory: `█` for kept, `▒` for cut, `│` at the threshold."""
    words, signs = words or Words(), signs_for(ascii_only)
    lines = [words.scores]
    if scores.mark:
        lines.append(mark_text(scores.mark, signs))
    for heading, rows in ((words.kept, scores.kept), (words.cut, scores.cut)):
        lines.append(f"{heading} ({len(rows)})")
        lines += [line for row in rows for line in _row(row, scores.mark, signs, width)]
    return _finish(lines, width, ascii_only)


def mark_text(mark: Mark, signs: Signs = UNICODE) -> str:
    """Render the legend of the threshold mark."""
    return f"{signs.mark} {mark.name} {share(mark.value):.0%}"


def score_bar(row: ScoreRow, mark: Mark | None, signs: Signs = UNICODE, width: int = _LEAST_BAR) -> str:
    """Render a bar of `width` cells and its percentage."""
    sign = signs.kept if row.kept else signs.cut
    cells = list(_bar(share(row.probability), sign, signs.track, width))
    if mark:
        cells[min(int(share(mark.value) * width), width - 1)] = signs.mark
    return f"{''.join(cells)} {share(row.probability):>4.0%}"


def bar_width(width: int) -> int:
    """Return the width of a bar in lines of `width`."""
    return min(max(width // 4, _LEAST_BAR), _MOST_BAR)


def room_text(room: Room, *, width: int = WIDTH, words: Words | None = None, ascii_only: bool = False) -> str:
    """Render one bar of the whole prompt, with a legend."""
    words, signs = words or Words(), signs_for(ascii_only)
    shares = [*room.shares, Share(words.left, room.left)]
    keys = [*_areas(len(room.shares), signs), signs.track]
    longest = max(cell_len(one.name) for one in shares)
    digits = max(len(f"{one.used}") for one in shares)
    lines = [words.room.replace("{total}", str(room.total)), _stacked(room, keys, max(width, 1))]
    for key, one in zip(keys, shares, strict=True):
        limit = "" if one.limit is None else f" ({words.limit} {one.limit})"
        lines.append(f"{key} {set_cell_size(one.name, longest)} {one.used:>{digits}}{limit}")
    return _finish(lines, width, ascii_only)


def curves_text(
    curves: Sequence[Curve],
    *,
    width: int = WIDTH,
    coverage: str = "coverage",
    risk: str = "risk",
    ascii_only: bool = False,
) -> str:
    """Render the risk of each rule at several coverages as bars on one scale, with confidence intervals."""
    signs, most = signs_for(ascii_only), _most(curves)
    lines = [
        f"{risk} | {coverage}; a full bar is {most:.0%}"
        if ascii_only
        else f"{risk} │ {coverage}; █ = {most:.0%}"
    ]
    for curve in curves:
        lines += ["", curve.name, *_curve(curve, most, signs, bar_width(width))]
        if curve.point:
            at = curve.point
            lines.append(f"{at.name or '*'}: {coverage} {at.coverage:.0%}, {risk} {at.risk:.1%}")
    return _finish(lines, width, ascii_only)


def _row(row: ScoreRow, mark: Mark | None, signs: Signs, width: int) -> Iterator[str]:
    yield f"{row.number:>3} {score_bar(row, mark, signs, bar_width(width))}  {row.date}  {row.rule}".rstrip()
    if row.snippet:
        yield f"    {' '.join(row.snippet[:width].split())}"


def _bar(part: float, sign: str, track: str, width: int) -> str:
    """Render a bar filled by `part`, with at least one cell if it is positive."""
    filled = min(max(round(part * width), int(part > 0)), width)
    return sign * filled + track * (width - filled)


def _areas(count: int, signs: Signs) -> str:
    return (signs.areas * (count // len(signs.areas) + 1))[:count]


def _stacked(room: Room, keys: Sequence[str], width: int) -> str:
    """Render all shares in one bar, with at least one cell for each non-empty share, as far as they fit."""
    whole = max(room.total, sum(one.used for one in room.shares), 1)
    cells = "".join(
        key * max(round(one.used / whole * width), int(one.used > 0))
        for key, one in zip(keys, room.shares, strict=False)
    )
    return cells[:width] + keys[-1] * (width - len(cells))


def _curve(curve: Curve, most: float, signs: Signs, width: int) -> Iterator[str]:
    """Yield the points nearest to evenly spaced coverages, in ascending order."""
    known = [place for place, value in enumerate(curve.risk) if math.isfinite(value)]
    wanted = [step / _STEPS for step in range(_STEPS + 1)]
    nearest = (
        {min(known, key=lambda place: abs(curve.coverage[place] - at)) for at in wanted} if known else set()
    )
    for place in sorted(nearest, key=lambda place: curve.coverage[place]):
        risk = curve.risk[place]
        band = f" ({curve.lower[place]:.1%} to {curve.upper[place]:.1%})" if curve.lower else ""
        bar = _bar(share(risk / most), signs.kept, signs.track, width)
        yield f"{curve.coverage[place]:>4.0%} {bar} {risk:.1%}{band}"


def _most(curves: Sequence[Curve]) -> float:
    """Return the highest risk, which a full bar represents."""
    return max((risk for curve in curves for risk in curve.risk if math.isfinite(risk)), default=0.0) or 1.0


def _finish(lines: Sequence[str], width: int, ascii_only: bool) -> str:
    """Truncate lines to the width, and remove control characters."""
    clean = ["".join(char for char in line if char.isprintable()) for line in lines]
    cut = [line if cell_len(line) <= width else set_cell_size(line, width - 1) + "…" for line in clean]
    return "\n".join(to_ascii(line) if ascii_only else line for line in cut)
