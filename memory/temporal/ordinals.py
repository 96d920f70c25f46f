"""Readers of ordinal days, weekdays and quarters, and of days in four more languages."""

import contextlib
import re
from datetime import date

from memory.temporal import points, time_words as words
from memory.temporal.group_readers import amount, collapse_spaces
from memory.temporal.time_spans import (
    DAY,
    WEEK,
    Days,
    Moment,
    Reader,
    Span,
    day_of,
    month_of,
    months_before,
    week_of,
    weekday_before,
)

_LEAP_YEARS_APART = 8
_ORDINALS = words.EN_ORDINALS | words.RO_ORDINALS
_QUARTERS = {"i": 1, "ii": 2, "iii": 3, "iv": 4}


def nth_weekday(found: re.Match[str], moment: Moment) -> Span | None:
    """Read "the second Friday of May" and "the last Friday of May"."""
    number = None if found["which"] in words.LAST else _ORDINALS[collapse_spaces(found["which"])]
    weekday = words.WEEKDAYS[found["weekday"]]
    days = points.nth_weekday(weekday, number, points.month(found["month"], found["year"], moment.today))
    return moment.whole(days) if days else None


def ordinal_day(found: re.Match[str], moment: Moment) -> Span | None:
    """Read "the twenty-second of November"."""
    day = _ORDINALS[collapse_spaces(found["which"]).replace(" ", "-")]
    return _day_of_month(day, words.MONTHS[found["month"]], found["year"], moment)


def other_date(found: re.Match[str], moment: Moment) -> Span | None:
    """Read a day of a month in French, Spanish, German or Hungarian."""
    groups = found.groupdict()
    month = groups["month"] or groups["month_first"]
    day = groups["day"] or groups["day_after"]
    return _day_of_month(int(day or 0), words.OTHER_MONTHS[month or ""], groups["year"], moment)


def _day_of_month(day: int, month: int, year: str | None, moment: Moment) -> Span | None:
    """Read a day of the named year, else the latest that has begun."""
    if year:
        return moment.whole(day_of(date(int(year), month, day)))
    for back in range(_LEAP_YEARS_APART):
        with contextlib.suppress(ValueError):  # no such day in that year
            if (found := date(moment.today.year - back, month, day)) <= moment.today:
                return moment.whole(day_of(found))
    return None


def other_weekday(found: re.Match[str], moment: Moment) -> Span:
    """Read a weekday in French, Spanish, German or Hungarian: the latest completed one."""
    return moment.whole(weekday_before(words.OTHER_WEEKDAYS[found["weekday"]], moment.today))


def weekday_weeks_ago(found: re.Match[str], moment: Moment) -> Span:
    """Read "Friday two weeks ago"; with "a few weeks" from the first to the last such Friday."""
    weeks = amount(found)
    this = week_of(moment.today).start + DAY * words.WEEKDAYS[found["weekday"]]
    first, last = this - WEEK * round(weeks.high), this - WEEK * round(weeks.low)
    return moment.whole(Days(first, last + DAY))


def third_of(months_back: int) -> Reader:
    def read(found: re.Match[str], moment: Moment) -> Span:
        days = month_of(months_before(moment.today.replace(day=1), months_back))
        return moment.whole(points.third(days, found["third"]))

    return read


def quarter(found: re.Match[str], moment: Moment) -> Span:
    named = collapse_spaces(found["quarter"]).removeprefix("q").removesuffix(" quarter")
    number = int(named) if named.isdecimal() else (_ORDINALS | _QUARTERS)[named]
    return moment.whole(points.quarter(number, found["year"], moment.today))
