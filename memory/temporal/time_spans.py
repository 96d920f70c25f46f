"""Calendar spans in a time zone, from days to seasons, and the rules that read them from text."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from dateutil.relativedelta import relativedelta

from memory.temporal.time_words import Language, Unit
from memory.text.text import LazyPattern

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
CLOCK = {Unit.MINUTE: timedelta(minutes=1), Unit.HOUR: timedelta(hours=1)}
_MONTHS = 12
_SEASON_MONTHS = 3


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days, half-open."""

    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of aware UTC times."""

    start: datetime
    end: datetime
    text: str = ""
    """Words of the message that name it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Time and zone of a message."""

    now: datetime
    """In UTC."""
    zone: tzinfo

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    def local(self, day: date, hour: int = 0) -> datetime:
        """Return the instant of a local hour; hours from 24 on are of the next day."""
        wall = datetime.combine(day + DAY * (hour // 24), time(hour % 24), tzinfo=self.zone)
        return wall.astimezone(UTC)

    def whole(self, days: Days) -> Span:
        return Span(self.local(days.start), self.local(days.end))

    def hours(self, day: date, hours: tuple[int, int]) -> Span:
        return Span(self.local(day, hours[0]), self.local(day, hours[1]))

    def since(self, day: date) -> Span:
        return Span(self.local(day), self.now)


def day_of(day: date) -> Days:
    return Days(day, day + DAY)


def week_of(day: date) -> Days:
    """Return the week from Monday to Sunday."""
    monday = day - DAY * day.weekday()
    return Days(monday, monday + WEEK)


def month_of(day: date) -> Days:
    first = day.replace(day=1)
    return Days(first, months_before(first, -1))


def year_of(year: int) -> Days:
    return Days(date(year, 1, 1), date(year + 1, 1, 1))


def season_of(season: int, year: int) -> Days:
    """Return the meteorological season that begins in `year`; 0 is the winter that begins in December."""
    first = date(year, season * _SEASON_MONTHS or _MONTHS, 1)
    return Days(first, months_before(first, -_SEASON_MONTHS))


def weekday_before(weekday: int, until: date) -> Days:
    return day_of(until - DAY * ((until.weekday() - weekday - 1) % 7 + 1))


def weekend_before(until: date) -> Days:
    """Return the latest weekend that is over on `until`."""
    sunday = weekday_before(6, until).start
    return Days(sunday - DAY, sunday + DAY)


def months_before(day: date, months: int) -> date:
    """Return the same day `months` earlier, or the last day of a shorter month."""
    return day - relativedelta(months=months)


def unit_around(day: date, unit: Unit) -> Days:
    if unit is Unit.WEEK:
        return week_of(day)
    return month_of(day) if unit is Unit.MONTH else year_of(day.year)


def units_before(day: date, count: int, unit: Unit) -> date:
    if unit is Unit.DAY:
        return day - DAY * count
    if unit is Unit.WEEK:
        return day - WEEK * count
    return months_before(day, count if unit is Unit.MONTH else count * _MONTHS)


_BLANKS = re.compile(r"\(\?<[!=][^)]*\)| ")  # lookbehinds need a fixed width
Reader = Callable[[re.Match[str], Moment], Span | None]


class Needs(StrEnum):
    NOTHING = "nothing"
    """The words are past in themselves."""
    NO_OTHER_TENSE = "no other tense"
    """The sentence is past, or has no tense and the time is over."""
    PAST = "past"
    """The sentence is past."""


@dataclass(frozen=True, slots=True)
class Rule:
    pattern: LazyPattern
    read: Reader
    needs: Needs
    language: Language


def whole_words(pattern: str) -> LazyPattern:
    """Make a pattern match whole words only, and each of its spaces any white space."""
    flexible = _BLANKS.sub(lambda blank: r"\s{1,3}" if blank[0] == " " else blank[0], pattern)
    return LazyPattern(rf"(?<![\w'-])(?:{flexible})(?![\w-])")


def rule(pattern: str, read: Reader, *, needs: Needs, language: Language) -> Rule:
    return Rule(whole_words(pattern), read, needs, language)
