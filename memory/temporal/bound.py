"""A time that somebody names as a bound, such as "2026-03-01", "last Monday" or "săptămâna trecută"."""

from datetime import UTC, date, datetime, time, tzinfo

from memory.temporal.dates import parse_day
from memory.temporal.finder import find_range

HINT = "write a date such as 2026-03-01, a time such as 2026-03-01T14:30, or words such as `last week`"


def read_bound(text: str, *, now: datetime, zone: tzinfo) -> datetime:
    """Return the moment with which the time that `text` names begins, in UTC.

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
    raise ValueError(f"{said[:80]!r} is no time: {HINT}")


def _iso(text: str, zone: tzinfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _in_words(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    found = find_range(text, now=now, zone=zone)
    if found is not None:
        return found.start
    day: date | None = parse_day(text, until=now.astimezone(zone).date())
    return datetime.combine(day, time.min, zone) if day else None
