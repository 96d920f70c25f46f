"""Readers of a rule's match groups, shared by English and Romanian."""

import re
from collections.abc import Callable
from datetime import date

from memory.temporal import points, time_words as words
from memory.temporal.ago import FEW, Amount, ago, latest_span
from memory.temporal.time_spans import (
    DAY,
    Days,
    Moment,
    Reader,
    Span,
    week_of,
    weekday_before,
    weekend_before,
)
from memory.temporal.time_words import Unit

_FEW_WORDS = re.compile(r"few|several|catev|cativ")
_HALF = 0.5
_SHARES = {"half": 0.5, "jum": 0.5, "quarter": 0.25, "sfert": 0.25}


def collapse_spaces(text: str) -> str:
    return " ".join(text.split())


def day_ago(back: int, part: str | None = None) -> Reader:
    """Read the day `back` days ago, or its part named by `part` or the group of that name."""

    def read(found: re.Match[str], moment: Moment) -> Span:
        day = moment.today - DAY * back
        name = part or found.groupdict().get("part")
        return part_of(day, name, moment)

    return read


def part_of(day: date, part: str | None, moment: Moment) -> Span:
    hours = words.PARTS_OF_DAY[collapse_spaces(part)] if part else (0, 24)
    return moment.hours(day, hours)


def days_back(count: int) -> Reader:
    """Read the `count` whole days before today."""
    return lambda _, moment: moment.whole(Days(moment.today - DAY * count, moment.today))


def hours_of_yesterday(first: int, last: int) -> Reader:
    return lambda _, moment: moment.hours(moment.today - DAY, (first, last))


def whole_days(days: Callable[[date], Days]) -> Reader:
    return lambda _, moment: moment.whole(days(moment.today))


def last_named(found: re.Match[str], moment: Moment) -> Span:
    """Read "last X": the latest completed weekday, weekend, week, month, year, season or Christmas."""
    return moment.whole(_last(found["name"], moment.today))


def _last(name: str, today: date) -> Days:
    if name in words.WEEKDAYS:
        return weekday_before(words.WEEKDAYS[name], today)
    if name in words.SEASONS:
        return points.completed_season(name, today)
    if name in words.UNITS:
        return last_unit(words.UNITS[name], today)
    if name in words.MONTHS:
        return points.completed_month(name, today)
    return weekend_before(today) if name.startswith("week") else points.christmas_before(today)


def last_unit(unit: Unit, today: date) -> Days:
    this = this_unit(unit, today)
    return Days(this_unit(unit, this - DAY), this)


def this_unit(unit: Unit, today: date) -> date:
    if unit is Unit.WEEK:
        return week_of(today).start
    return today.replace(day=1) if unit is Unit.MONTH else today.replace(month=1, day=1)


def this_named(found: re.Match[str], moment: Moment) -> Span:
    """Read "this week", "this month" or "this year": from its first day to the moment."""
    return moment.since(this_unit(words.UNITS[found["unit"]], moment.today))


def weekday(found: re.Match[str], moment: Moment) -> Span:
    day = weekday_before(words.WEEKDAYS[found["weekday"]], moment.today).start
    return part_of(day, found.groupdict().get("part"), moment)


def month(found: re.Match[str], moment: Moment) -> Span | None:
    """Read a month, or a third of it, of the named or latest year."""
    name, year = found["month"], found["year"]
    if name in words.NAMES_TOO and not year and found["preposition"] in {"from", "of"}:
        return None
    days = points.month(name, year, moment.today)
    which = found["third"]
    return moment.whole(points.third(days, which) if which else days)


def season(found: re.Match[str], moment: Moment) -> Span:
    return moment.whole(points.season(found["season"], found["year"], moment.today))


def year(found: re.Match[str], moment: Moment) -> Span | None:
    return point(found["year"], moment)


def named_date(found: re.Match[str], moment: Moment) -> Span | None:
    """Read a day of a month; a month that is also a word needs a preposition, "th" or a year."""
    text = collapse_spaces(found["date"])
    if not found["preposition"] and not re.search(r"\d(?:st|nd|rd|th)\b|\d{4}$", text):
        name = re.search(r"[a-z]+$", text)
        if name is None or name[0] in words.WORDS_TOO:
            return None
    return point(text, moment)


def figures(found: re.Match[str], moment: Moment) -> Span | None:
    return point(found["date"], moment)


def point(text: str, moment: Moment) -> Span | None:
    days = points.resolve(text, moment.today)
    return moment.whole(days) if days else None


def since(found: re.Match[str], moment: Moment) -> Span | None:
    days = points.resolve(collapse_spaces(found["point"]), moment.today)
    return moment.since(days.start) if days else None


def stretch(found: re.Match[str], moment: Moment) -> Span | None:
    return points.span_between(collapse_spaces(found["first"]), collapse_spaces(found["last"]), moment)


def amount_ago(found: re.Match[str], moment: Moment) -> Span:
    return ago(amount(found), moment)


def latest_amount(found: re.Match[str], moment: Moment) -> Span:
    return latest_span(amount(found, unsaid="few"), moment)


def amount(found: re.Match[str], *, unsaid: str = "one") -> Amount:
    """Read the groups `number` (empty: one; absent: `unsaid`), `unit`, `about` and `half` of a match."""
    number = unsaid if found["number"] is None else collapse_spaces(found["number"] or "one")
    unit = words.UNITS[found["unit"]]
    if _FEW_WORDS.search(number):
        return Amount(*FEW, unit)
    groups = found.groupdict()
    count = count_of(number) + _HALF * bool(groups.get("half"))
    return Amount(count, count, unit, about=bool(groups.get("about")) or "couple" in number)


def count_of(number: str) -> float:
    share = next((value for word, value in _SHARES.items() if word in number), None)
    if share is not None:
        return share
    if number.isdecimal():
        return int(number)
    known = [words.NUMBERS[each] for each in (number, *number.split()[1:]) if each in words.NUMBERS]
    if not known:
        raise ValueError(f"{number!r} is no number")
    return known[0]
