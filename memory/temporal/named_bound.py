"""Time bounds that people write, such as "2026-03-01", "last Monday" or "săptămâna trecută"."""

import re
from datetime import UTC, date, datetime, time, tzinfo

from memory.temporal import time_words as words
from memory.temporal.group_readers import this_unit
from memory.temporal.message_text import fold
from memory.temporal.time_finder import find_range
from memory.temporal.time_spans import weekday_before
from memory.temporal.written_dates import parse_day

HINT = "write a date such as 2026-03-01, a time such as 2026-03-01T14:30, or words such as `last week`"
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_WRITTEN = re.compile(r"\d{4}-\d{2}(?:-\d{2}(?:T.*)?)?")
"""Dates that are read as they are or not at all: month 13 is no day."""
_TODAY = frozenset({"today", "azi", "astazi"})
_THIS = re.compile(r"this (week|month|year)")
_DENIED = re.compile(r"(?:not|no|never|without|except|nu|fara|afara)\b")


def read_bound(text: str, *, now: datetime, zone: tzinfo) -> datetime:
    """Return the start of the time that `text` names, in UTC.

    Raises:
        ValueError: it names no time; says what to write.
    """
    said = text.strip()
    try:
        moment = _iso(said, zone) or _in_words(said, now, zone)
        if moment is not None:
            return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{said[:80]!r} lies outside the calendar: {HINT}") from None
    raise ValueError(f"{said[:80]!r} is not a time: {HINT}")


def _iso(text: str, zone: tzinfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _in_words(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    folded, today = " ".join(fold(text[:80]).split()), now.astimezone(zone).date()
    if _DENIED.match(folded) or _WRITTEN.fullmatch(text):
        return None
    if day := _named(folded, today):
        return datetime.combine(day, time.min, zone)
    found = find_range(text, now=now, zone=zone)
    if found is not None:
        return found.start
    day = parse_day(text, until=today)
    return datetime.combine(day, time.min, zone) if day else None


def _named(folded: str, today: date) -> date | None:
    """Read names of days that rules accept only in a sentence; a weekday is the latest completed one."""
    if folded in _TODAY:
        return today
    if folded in words.WEEKDAYS:
        return weekday_before(words.WEEKDAYS[folded], today).start
    found = _THIS.fullmatch(folded)
    return this_unit(words.UNITS[found[1]], today) if found else None
