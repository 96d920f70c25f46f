"""Named days, months, years and seasons, resolved to the latest before a day."""

import re
from datetime import date

from memory.temporal import time_words as words
from memory.temporal.time_spans import (
    DAY,
    Days,
    Moment,
    Span,
    day_of,
    month_of,
    months_before,
    season_of,
    weekday_before,
    year_of,
)
from memory.temporal.time_words import one_of
from memory.temporal.written_dates import parse_day

YEAR = r"(?:19|20)\d\d(?![\w%]|[.,:/-]\d)"
EARLIEST_YEAR = 2000
"""Nobody chatted with an assistant before then."""
WEEKDAY = one_of(words.WEEKDAYS)
_MAI = r"mai\b(?! (?:mult|putin|bun|mic|mar[ei]|bine|rau|tarziu|devreme|nou|vech|ales|aproape))"
_EN_ANY_MONTH = rf"{one_of(words.EN_MONTHS | words.EN_SHORT_MONTHS)}\b"
EN_MONTH = rf"{one_of(words.EN_MONTHS)}\b"
RO_MONTH = rf"(?:{one_of(words.RO_MONTHS.keys() - {'mai'})}\b|{_MAI})"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
EN_DATE = (
    rf"(?:(?<![\w.,:/-]){_DAY}(?: of)? {_EN_ANY_MONTH}(?:,? {YEAR})?"
    rf"|{_EN_ANY_MONTH}(?: the)? {_DAY}(?![\w%]|[.,:/]\d)(?:,? {YEAR})?)"
)
RO_DATE = rf"(?<![\w.,:/-])\d{{1,2}} {RO_MONTH}(?:,? {YEAR})?"
FIGURES = (
    r"(?<![\w.:/-])(?:(?:19|20)\d\d-\d\d-\d\d(?![\w:/-]|\.\d)"
    r"|\d{1,2}(?P<mark>[./])\d{1,2}(?P=mark)(?:19|20)\d\d(?![\w:/-]|\.\d))"
)
_MONTH_YEAR = rf"(?:{EN_MONTH}|{RO_MONTH})(?:(?: of)? {YEAR})?"
POINT = rf"(?:{EN_DATE}|{RO_DATE}|{_MONTH_YEAR}|{WEEKDAY}|{YEAR}|yesterday|ieri)"
_MONTH_OF_YEAR = re.compile(r"([a-z]+)(?:(?: of)? (\d{4}))?")
_THIRDS = {
    **dict.fromkeys(("early", "beginning", "start", "inceput"), (0, 10)),
    **dict.fromkeys(("mid", "middle", "mijloc"), (10, 20)),
    **dict.fromkeys(("late", "end", "sfarsit"), (20, None)),
}


def resolve(text: str, until: date) -> Days | None:
    """Return the days that a `POINT` names.

    A weekday is the latest strictly before `until`, a month or date the latest that begins on or before it.
    """
    if text in words.WEEKDAYS:
        return weekday_before(words.WEEKDAYS[text], until)
    if text in {"yesterday", "ieri"}:
        return day_of(until - DAY)
    if text.isdecimal():
        return year_of(int(text)) if int(text) >= EARLIEST_YEAR else None
    if found := _MONTH_OF_YEAR.fullmatch(text):
        return month(found[1], found[2], until)
    day = parse_day(text, until=until)
    return day_of(day) if day else None


def month(name: str, year: str | None, until: date) -> Days:
    """Return a month of a year, or the latest that has begun by `until`."""
    number = words.MONTHS[name]
    return month_of(date(int(year) if year else until.year - (number > until.month), number, 1))


def nth_weekday(weekday: int, number: int | None, days: Days) -> Days | None:
    """Return the `number`-th such weekday of a month; the last for None."""
    first = days.start + DAY * ((weekday - days.start.weekday()) % 7)
    if number is None:
        return weekday_before(weekday, days.end)
    day = first + 7 * (number - 1) * DAY
    return day_of(day) if day < days.end else None


def quarter(number: int, year: str | None, today: date) -> Days:
    """Return a quarter of a year, or the latest that has begun."""
    first = 3 * number - 2
    start = date(int(year) if year else today.year - (first > today.month), first, 1)
    return Days(start, months_before(start, -3))


def completed_month(name: str, today: date) -> Days:
    return month(name, None, month_of(today).start - DAY)


def season(name: str, year: str | None, until: date) -> Days:
    """Return the season that begins in `year`, or the latest that has begun by `until`."""
    number = words.SEASONS[name]
    this = season_of(number, int(year) if year else until.year)
    return this if year or this.start <= until else season_of(number, until.year - 1)


def completed_season(name: str, today: date) -> Days:
    latest = season(name, None, today)
    return latest if latest.end <= today else season(name, str(latest.start.year - 1), today)


def third(days: Days, which: str) -> Days:
    first, last = _THIRDS[which]
    return Days(days.start + DAY * first, days.start + DAY * last if last else days.end)


def christmas_before(today: date) -> Days:
    """Return the latest 24 to 26 December that has begun."""
    year = today.year if today >= date(today.year, 12, 24) else today.year - 1
    return Days(date(year, 12, 24), date(year, 12, 27))


def span_between(start: str, end: str, moment: Moment) -> Span | None:
    """Return the span from one `POINT` to the end of another; a bare day takes the month of the end."""
    last = resolve(end, moment.today)
    if last is None:
        return None
    full = re.sub(r"^\d{1,2}", start, end) if re.fullmatch(r"\d{1,2}", start) else start
    first = resolve(full, last.start)
    return moment.whole(Days(first.start, last.end)) if first else None
