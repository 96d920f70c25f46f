"""Bars of a turn as terminal text of any width, without colour, in ASCII if needed."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from bot.pictures.picture_values import LayerShare, Mark, Room, ScoreRow, Words, share

_LEAST_BAR, _MOST_BAR = 10, 30
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


def mark_text(mark: Mark, signs: Signs) -> str:
    """Render the legend of the threshold mark."""
    return f"{signs.mark} {mark.name} {share(mark.value):.0%}"


def score_bar(row: ScoreRow, mark: Mark | None, signs: Signs, width: int) -> str:
    """Render a bar of `width` cells and its percentage; a positive one has at least one cell."""
    part = share(row.probability)
    filled = min(max(round(part * width), int(part > 0)), width)
    cells = list((signs.kept if row.kept else signs.cut) * filled + signs.track * (width - filled))
    if mark:
        cells[min(int(share(mark.value) * width), width - 1)] = signs.mark
    return f"{''.join(cells)} {part:>4.0%}"


def bar_width(width: int) -> int:
    """Return the width of a bar in lines of `width`."""
    return min(max(width // 4, _LEAST_BAR), _MOST_BAR)


def room_text(room: Room, signs: Signs, *, width: int, words: Words) -> str:
    """Render one bar of the whole prompt, with a legend."""
    shares = [*room.shares, LayerShare(words.left, room.left)]
    areas = signs.areas * (len(room.shares) // len(signs.areas) + 1)
    keys = [*areas[: len(room.shares)], signs.track]
    longest = max(cell_len(one.name) for one in shares)
    digits = max(len(f"{one.used}") for one in shares)
    lines = [words.room.replace("{total}", str(room.total)), _stacked(room, keys, max(width, 1))]
    for key, one in zip(keys, shares, strict=True):
        limit = "" if one.limit is None else f" ({words.limit} {one.limit})"
        lines.append(f"{key} {set_cell_size(one.name, longest)} {one.used:>{digits}}{limit}")
    return "\n".join(
        line if cell_len(line) <= width else set_cell_size(line, width - 1) + "…" for line in lines
    )


def _stacked(room: Room, keys: Sequence[str], width: int) -> str:
    """Render all shares in one bar, with at least one cell for each non-empty share, as far as they fit."""
    whole = max(room.total, sum(one.used for one in room.shares), 1)
    cells = "".join(
        key * max(round(one.used / whole * width), int(one.used > 0))
        for key, one in zip(keys, room.shares, strict=False)
    )
    return cells[:width] + keys[-1] * (width - len(cells))
