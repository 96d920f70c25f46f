"""The readings of dates and times."""

import re
from typing import TypeAlias

from memory.grounding.figure_patterns import MONTHS
from memory.grounding.number_readings import Reading

Read: TypeAlias = tuple[tuple[Reading, ...], Reading]
"""The readings of a figure, and all values that stand when it stands in a source."""
_TWO_DIGITS = 2
_CENTURY = 2000
_NOON = 12


def _only(value: str) -> Reading:
    return frozenset([value])


def iso(match: re.Match[str]) -> Read:
    return _date(match["iy"], match["im"], match["id"], either=False)


def dmy(match: re.Match[str]) -> Read:
    return _date(match["dy"], match["dm"], match["dd"], either=True)


def named(match: re.Match[str]) -> Read:
    return _date(match["ny"], MONTHS[match["nm"].lower()], match["nd"], either=False)


def us(match: re.Match[str]) -> Read:
    return _date(match["uy"], MONTHS[match["um"].lower()], match["ud"], either=False)


def _date(year: str | None, month: str, day: str, *, either: bool) -> Read:
    """Return the readings of a date: its year may stand apart; a date without one counts as its day."""
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
