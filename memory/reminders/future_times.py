"""Search for the future times that a message names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from memory.reminders.future_rules import LEADS, RULES, UNCLEAR_LEAD, PartRule
from memory.reminders.time_parts import LENGTHS, TimeParts
from memory.temporal.time_spans import Moment

_THEN = re.compile(r"\b(?:to|that|sa|ca)\b")
_LIMIT = re.compile(
    r"[\s,]*(?:(?:except|excluding|but not|until|till|in afara|cu exceptia|mai putin|pana|timp de)\b"
    r"|for (?:a|one|two|three|the next|\d+) (?:day|week|month|year)"
    r"|for \w+ (?:days|weeks|months|years)\b)"
)
_NTH_DAY = re.compile(
    r"\b(?:first|second|third|fourth|last|1st|2nd|3rd|4th|prima|ultima|a doua|a treia|a patra)"
    r"(?: \w+){1,2} (?:of|of the|in|a|din)\s+$"
)
_GAP = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True)
class FutureTime:
    """A future time in a text."""

    start: int
    end: int
    parts: TimeParts


def find_times(folded: str, moment: Moment) -> list[FutureTime]:
    """Return the times that a folded text names, in order; adjacent parts are one time."""
    found: list[FutureTime] = []
    for one in _single_parts(folded, moment):
        joined = _joined(found[-1], one, folded) if found else None
        if joined is not None:
            found[-1] = joined
        else:
            found.append(one)
    return [one for one in found if not one.parts.bound]


def find_lead(folded: str, start: int, end: int, moment: Moment) -> tuple[timedelta, int]:
    """Return how long before a time a text asks to be reminded, and where the words for that end.

    Of "30 minutes before the meeting at 5" these are half an hour and the end of "before".
    """
    for rule in LEADS:
        found = rule.pattern.compiled.search(folded, start, end)
        parts = _read(rule, found, moment) if found else None
        if found and parts is not None and parts.delay is not None:
            count, unit = parts.delay
            return LENGTHS[unit] * count, found.end()
    return timedelta(), end


def is_led(folded: str, start: int, time: FutureTime, moment: Moment) -> bool:
    """Return True for the time of the event, after a lead: "cu o zi înainte de examenul din 14 august"."""
    lead, end = find_lead(folded, start, time.start, moment)
    return bool(lead) and not _THEN.search(folded, end, time.start)


def is_unclear(folded: str, start: int, times: Sequence[FutureTime]) -> bool:
    """Return True when the lead has no exact length: "the evening before my exam on 14 March"."""
    lead = UNCLEAR_LEAD.compiled.search(folded, start)
    return lead is not None and any(
        time.start >= lead.end() and not _THEN.search(folded, lead.end(), time.start) for time in times
    )


def is_limited(folded: str, time: FutureTime) -> bool:
    """Return True for a repetition on only some such days: "every day except Sunday"."""
    before = _NTH_DAY.search(folded[: time.start])
    return time.parts.every is not None and bool(before or _LIMIT.match(folded, time.end))


def _joined(before: FutureTime, one: FutureTime, folded: str) -> FutureTime | None:
    if not _GAP.fullmatch(folded, before.end, one.start):
        return None
    parts = before.parts.joined(one.parts)
    return FutureTime(before.start, one.end, parts) if parts is not None else None


def _single_parts(folded: str, moment: Moment) -> list[FutureTime]:
    """Return the parts, leftmost and longest first, without overlaps."""
    matches = [(rule, found) for rule in RULES for found in rule.pattern.compiled.finditer(folded)]
    matches.sort(key=lambda each: (each[1].start(), -each[1].end()))
    found, end = list[FutureTime](), 0
    for rule, match in matches:
        parts = _read(rule, match, moment) if match.start() >= end else None
        if parts is not None:
            found.append(FutureTime(match.start(), match.end(), parts))
            end = match.end()
    return found


def _read(rule: PartRule, match: re.Match[str], moment: Moment) -> TimeParts | None:
    try:
        return rule.read(match, moment)
    except (ValueError, OverflowError):  # no such day or hour
        return None
