"""Figures of a text (numbers, dates and times, in the digits of any script), and those that no source has."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from memory.grounding.figure_patterns import FIGURE, MONTHS, NOT_COUNTED, Reading, readings, scientific

Read: TypeAlias = tuple[tuple[Reading, ...], Reading]
"""The readings of a figure, and all values that it supports when it is in a source."""
_TWO_DIGITS = 2
_CENTURY = 2000
_NOON = 12

_ALIKE = str.maketrans("．，：／－−٫٬", ".,:/--.,")
_MIN_DIGITS = 2

_WORD = re.compile(r"""[^\s()\[\]{}<>"'`“”„«»,;|*]+""")
_DIGIT = re.compile("[0-9]")
_LETTER = re.compile(r"[^\W\d_]")
_AROUND = ".:!?_"


def _only(value: str) -> Reading:
    return frozenset([value])


def _date(year: str | None, month: str, day: str, *, either: bool) -> Read:
    """Return a date's readings: its year may be elsewhere in the source; without one, the day is enough."""
    if year is None:
        return (_only(str(int(day))),), frozenset([str(int(day)), f"{int(month)}/{int(day)}"])
    full = int(year) + (_CENTURY if len(year) == _TWO_DIGITS else 0)
    orders = [(int(month), int(day)), (int(day), int(month))] if either else [(int(month), int(day))]
    dates = [f"{full}-{m:02}-{d:02}" for m, d in orders]
    yearless = [frozenset([f"{m}/{d}", str(full)]) for m, d in orders]
    says = {str(int(part)) for part in (year, month, day)} | {str(full), *dates}
    return tuple(dict.fromkeys([*map(_only, dates), *yearless])), frozenset(says)


def clock(match: re.Match[str]) -> Read:
    hour, minute, second = int(match["ch"]), match["cm"], match["cs"]
    hours = _hours(hour, match["cp"])
    seconds = f":{second}" if second and second != "00" else ""
    parts = {minute.lstrip("0") or "0", (second or "0").lstrip("0") or "0", str((hour - 1) % _NOON + 1)}
    says = parts.union(*({str(each), f"{each}:{minute}", f"{each}:{minute}{seconds}"} for each in hours))
    return tuple(_only(f"{each}:{minute}{seconds}") for each in hours), frozenset(says)


def _hours(hour: int, half: str | None) -> list[int]:
    if half:
        return [hour % _NOON + (_NOON if half.lower() == "p" else 0)]
    return [hour, hour + _NOON] if 0 < hour < _NOON else [hour]


def hour(match: re.Match[str]) -> Read:
    hour = _hours(int(match["hh"]), match["hp"])[0]
    return (_only(f"{hour}:00"), _only(match["hh"])), frozenset([str(hour), f"{hour}:00", match["hh"]])


@dataclass(frozen=True, slots=True)
class LocatedFigure:
    """A figure and its place in the text, with its possible readings."""

    text: str
    start: int
    end: int
    readings: tuple[Reading, ...]
    says: Reading
    """All values that it supports when it is in a source."""

    @property
    def value(self) -> str:
        return ",".join(sorted(self.readings[0]))


def checkable_figures(text: str) -> Iterator[LocatedFigure]:
    """Return the figures of two digits or more, in order, without markers of lists and anchors."""
    markers = (found.span() for found in NOT_COUNTED.finditer(ascii_digits(text)))
    return (found for found in _outside(markers, find_figures(text)) if _digits(found) >= _MIN_DIGITS)


def _digits(found: LocatedFigure) -> int:
    return max(sum(map(str.isdecimal, found.text)), len(found.value) if found.value.isdecimal() else 0)


def find_figures(text: str) -> Iterator[LocatedFigure]:
    """Yield all figures of a text, also of one digit."""
    for match in FIGURE.compiled.finditer(ascii_digits(text)):
        kind = next(kind for kind in _KINDS if match[kind] is not None)
        reads, says = _KINDS[kind](match)
        start, end = match.span()
        yield LocatedFigure(text[start:end], start, end, reads, says)


def ascii_digits(text: str) -> str:
    """Return a text of the same length with decimal digits of any script as ASCII."""
    if text.isascii():
        return text
    same = text.translate(_ALIKE)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in same)


def _number(match: re.Match[str]) -> Read:
    scale = match["attached"] or match["scale"] or ""
    return _number_of(readings(match["number"], scale.lower()))


def _number_of(reads: tuple[Reading, ...]) -> Read:
    return reads, frozenset().union(*reads)


_KINDS: dict[str, Callable[[re.Match[str]], Read]] = {
    "iso": lambda match: _date(match["iy"], match["im"], match["id"], either=False),
    "dmy": lambda match: _date(match["dy"], match["dm"], match["dd"], either=True),
    "named": lambda match: _date(match["ny"], MONTHS[match["nm"].lower()], match["nd"], either=False),
    "us": lambda match: _date(match["uy"], MONTHS[match["um"].lower()], match["ud"], either=False),
    "clock": clock,
    "hour": hour,
    "power": lambda match: _number_of(scientific(match["pm"], match["pe"])),
    "number": _number,
}


def ungrounded(reply: str, sources: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct figures of a reply that no source supports, in order, as written.

    A source supports a figure if they share a reading, or if it holds the whole identifier or address that
    the figure is part of. Results computed from a source's figures are unsupported.
    """
    values: set[str] = set()
    words: set[str] = set()
    for source in sources:
        for found in find_figures(source):
            values |= found.says
        words.update(word for _, _, word in _words(source))
    unread = (
        found
        for found in checkable_figures(reply)
        if not any(reading <= values for reading in found.readings)
    )
    quoted = ((start, end) for start, end, word in _words(reply) if word in words)
    return tuple(dict.fromkeys(found.text for found in _outside(quoted, unread)))


def _words(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the words with letters and digits, with their spans."""
    for match in _WORD.finditer(ascii_digits(text)):
        word = match[0].strip(_AROUND).casefold()
        if _DIGIT.search(word) and _LETTER.search(word):
            yield match.start(), match.end(), word


def _outside(spans: Iterator[tuple[int, int]], figures: Iterator[LocatedFigure]) -> Iterator[LocatedFigure]:
    """Yield the figures that begin in none of the spans; both are in order."""
    span = next(spans, None)
    for found in figures:
        while span is not None and span[1] <= found.start:
            span = next(spans, None)
        if span is None or not span[0] <= found.start < span[1]:
            yield found
