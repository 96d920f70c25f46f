"""Find the figures of a text: numbers, dates and times, in the digits of any script."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from memory.grounding import date_readings as dates
from memory.grounding.date_readings import Read
from memory.grounding.figure_patterns import FIGURE, NOT_COUNTED
from memory.grounding.number_readings import Reading, readings, scientific

_ALIKE = str.maketrans("．，：／－−٫٬", ".,:/--.,")
_MIN_DIGITS = 2


@dataclass(frozen=True, slots=True)
class LocatedFigure:
    """A figure in its place, with all that it may be read as, and what else it says."""

    text: str
    start: int
    end: int
    readings: tuple[Reading, ...]
    says: Reading
    """All values that stand when this stands in a source."""

    @property
    def value(self) -> str:
        return ",".join(sorted(self.readings[0]))


def checkable_figures(text: str) -> Iterator[LocatedFigure]:
    """Yield the figures of two digits or more, in order, without markers of lists and anchors."""
    skipped = _spans(text)
    at = next(skipped, None)
    for found in find_figures(text):
        while at is not None and at[1] <= found.start:
            at = next(skipped, None)
        inside = at is not None and at[0] <= found.start
        if not inside and _digits(found) >= _MIN_DIGITS:
            yield found


def _digits(found: LocatedFigure) -> int:
    return max(sum(map(str.isdecimal, found.text)), len(found.value) if found.value.isdecimal() else 0)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    return (found.span() for found in NOT_COUNTED.finditer(ascii_digits(text)))


def find_figures(text: str) -> Iterator[LocatedFigure]:
    """Yield all figures of a text, of one digit too."""
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


def _power(match: re.Match[str]) -> Read:
    reads = scientific(match["pm"], match["pe"])
    return reads, reads[0]


def _number(match: re.Match[str]) -> Read:
    scale = match["attached"] or match["scale"] or ""
    reads = readings(match["number"], scale.lower())
    return reads, frozenset().union(*reads)


_KINDS: dict[str, Callable[[re.Match[str]], Read]] = {
    "iso": dates.iso,
    "dmy": dates.dmy,
    "named": dates.named,
    "us": dates.us,
    "clock": dates.clock,
    "hour": dates.hour,
    "power": _power,
    "number": _number,
}
