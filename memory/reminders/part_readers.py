"""Readers of one part of a future time, from the groups of a match."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from memory.reminders.time_parts import LENGTHS, Every, Hour, TimeParts, later
from memory.temporal import time_words as words
from memory.temporal.group_readers import collapse_spaces, count_of
from memory.temporal.time_spans import CLOCK, DAY, WEEK, Moment, month_of, week_of
from memory.temporal.time_words import Unit, one_of
from memory.temporal.written_dates import next_day

Read = Callable[[re.Match[str], Moment], TimeParts | None]
SHORT_DAYS = {
    **{name[:3]: day for name, day in words.EN_WEEKDAYS.items()},
    **{"tues": 1, "thur": 3, "thurs": 3},
}
WEEKDAYS = words.WEEKDAYS | SHORT_DAYS
RO_PARTS = {
    **{"dimineata": "morning", "seara": "evening", "noaptea": "night"},
    **dict.fromkeys(("dupa-amiaza", "dupa amiaza", "dupa-masa", "dupa masa"), "afternoon"),
}
_PARTS = {**{name: name for name in words.EN_PARTS}, **RO_PARTS}
WORKDAYS, WEEKEND = (0, 1, 2, 3, 4), (5, 6)
GROUPS = {
    **dict.fromkeys(("weekday", "weekdays", "workday", "workdays", "work day", "work days"), WORKDAYS),
    **dict.fromkeys(("business day", "business days", "zi lucratoare", "zile lucratoare"), WORKDAYS),
    **dict.fromkeys(("weekend", "weekends", "week-end"), WEEKEND),
}
AND = r"(?:,? (?:and|si) |, ?|/)"
ADVERBS = {
    **dict.fromkeys(("hourly",), Unit.HOUR),
    **dict.fromkeys(("daily", "zilnic"), Unit.DAY),
    **dict.fromkeys(("weekly", "saptamanal"), Unit.WEEK),
    **dict.fromkeys(("monthly", "lunar"), Unit.MONTH),
    **dict.fromkeys(("yearly", "annually", "anual"), Unit.YEAR),
}
_BETWEEN_NAMES = re.compile(r"(?:,|/|\b(?:and|si|in fiecare)\b|\s)+(?!day|lucratoare)")
LEAST_MINUTES = 15
"""Least interval of a repetition."""
_PIECE = re.compile(
    rf"(?:,|\b(?:and|si)\b|\s)*(?P<number>\S.*?)\s+(?:de\s+)?(?P<unit>{one_of(words.UNITS)})\b"
)
_HALF = " and a half"
_PAST = re.compile(r"\b(?:last|past|previous|ago)\s+$")
_COUNTED = re.compile(rf"(?:\d|\b(?:{one_of(words.RO_NUMBERS)}|ultimele|cateva|multe))\s+$")


def days_on(days: int, part: str = "") -> Read:
    return lambda _, moment: TimeParts(day=moment.today + DAY * days, part=part)


def weekday(found: re.Match[str], _: Moment) -> TimeParts | None:
    before = found.string[: found.start()]
    if _PAST.search(before) or _COUNTED.search(before):
        return None
    groups = found.groupdict()
    which = groups.get("which") or ""
    weeks = int("next" in which or which == "viitoare")
    return TimeParts(weekday=WEEKDAYS[found["weekday"] or groups["the"] or ""], weeks=weeks)


def read_date(found: re.Match[str], moment: Moment) -> TimeParts | None:
    day = next_day(collapse_spaces(found["date"]), since=moment.today)
    return TimeParts(day=day) if day else None


def short_date(found: re.Match[str], moment: Moment) -> TimeParts | None:
    day, month = int(found["day"]), int(found["month"])
    this = date(moment.today.year, month, day)
    return TimeParts(day=this if this >= moment.today else date(moment.today.year + 1, month, day))


def day_of_month(found: re.Match[str], moment: Moment) -> TimeParts | None:
    """Read "on the 14th": of this month, or of the next one that has it."""
    number, month = int(found["day"]), month_of(moment.today)
    for _ in range(3):
        day = month.start + DAY * (number - 1)
        if moment.today <= day < month.end:
            return TimeParts(day=day)
        month = month_of(month.end)
    return None


def monthly(found: re.Match[str], moment: Moment) -> TimeParts | None:
    day = day_of_month(found, moment)
    return replace(day, every=Every(unit=Unit.MONTH)) if day else None


def read_hour(found: re.Match[str], _: Moment) -> TimeParts | None:
    groups = found.groupdict()
    hour, minute = _number(found["hour"]), int(groups.get("minute") or 0)
    noon = (groups.get("noon") or "").replace(".", "")
    if noon:
        hour = hour % 12 + 12 * (noon == "pm")
    if groups.get("plus"):
        minute = _minutes(found["plus"])
    if groups.get("minus"):
        hour, minute = hour - 1, 60 - _minutes(found["minus"])
    if hour > 24 or minute > 59 or (hour == 24 and minute):  # noqa: PLR2004 - a clock's
        return None
    exact = bool(noon or groups.get("minute") or found["hour"].startswith("0"))
    return TimeParts(hour=Hour(hour=hour, minute=minute, exact=exact, noon=bool(noon)))


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else words.NUMBERS[text]


def _minutes(text: str) -> int:
    if text.isdecimal():
        return int(text)
    return 30 if text.startswith(("half", "jum")) else 15


def fixed_hour(hour: int) -> Read:
    return lambda _, __: TimeParts(hour=Hour(hour=hour, exact=True))


def part(found: re.Match[str], moment: Moment) -> TimeParts:
    today = moment.today if found.groupdict().get("today") else None
    return TimeParts(day=today, part=_PARTS[collapse_spaces(found["part"])])


def bound_part(found: re.Match[str], _: Moment) -> TimeParts:
    return TimeParts(part=_PARTS[found["part"]], bound=True)


def delay(found: re.Match[str], moment: Moment) -> TimeParts | None:
    """Read a delay, also of several units: each is smaller than the one before, or a share."""
    count, unit = _count(found.groupdict().get("number")) + _share(found["share"]), words.UNITS[found["unit"]]
    if unit is Unit.DAY and count % 1:
        unit, count = Unit.HOUR, count * 24
    day, sizes = moment.today, list(Unit)
    rest = found["more"] or ""
    if rest[-1:].isdecimal():
        rest = f"{rest} minutes" if unit is Unit.HOUR else f"{rest} years"
    for piece in _PIECE.finditer(rest):
        more, smaller = _count(piece["number"]), words.UNITS[piece["unit"]]
        if sizes.index(smaller) > sizes.index(unit) - (more >= 1) or (
            unit not in LENGTHS and smaller in CLOCK
        ):
            return TimeParts(day=moment.today - DAY)  # unclear: a past day, so that the person is asked
        if unit in LENGTHS:
            count *= LENGTHS[unit] / LENGTHS[smaller]
        else:
            day, count = later(day, count, unit), 0
        count, unit = count + more, smaller
    if day != moment.today:
        return TimeParts(day=later(day, count, unit))
    return TimeParts(delay=(count, unit)) if count else None


def short_delay(found: re.Match[str], _: Moment) -> TimeParts | None:
    """Read "1h30", "1.5h" and "90min"."""
    hours, minutes = _count(found["hours"] or "0"), int(found["minutes"] or found["alone"] or 0)
    count = hours * 60 + minutes
    return TimeParts(delay=(count, Unit.MINUTE)) if count else None


def _share(said: str | None) -> float:
    """Read "and a half"; 0 without it."""
    if not said:
        return 0
    return 0.75 if re.search("three|trei", said) else count_of(said)


def _count(number: str | None) -> float:
    """Read a number, also "1.5", "1,5" and "two and a half"; 1 without one."""
    written = collapse_spaces(number or "one")
    if written.endswith(_HALF):
        return _count(written.removesuffix(_HALF)) + 0.5
    return float(written.replace(",", ".")) if written[0].isdecimal() else count_of(written)


def every_unit(found: re.Match[str], _: Moment) -> TimeParts | None:
    groups = found.groupdict()
    count = 2 if groups.get("other") else _count(groups.get("number"))
    unit = words.UNITS[groups.get("units") or found["unit"]]
    if unit is Unit.HOUR and count % 1:
        unit, count = Unit.MINUTE, count * 60
    if count % 1 or count < (LEAST_MINUTES if unit is Unit.MINUTE else 1):
        return None
    return TimeParts(every=Every(unit=unit, interval=int(count)))


def every_day(found: re.Match[str], _: Moment) -> TimeParts | None:
    names = _BETWEEN_NAMES.split(found["days"])
    days = {day for name in names for day in _days_named(collapse_spaces(name.strip()))}
    weeks = 2 if found.groupdict().get("other") else 1
    return TimeParts(every=Every(unit=Unit.WEEK, interval=weeks, days=tuple(sorted(days))))


def _days_named(name: str) -> Sequence[int]:
    if name in GROUPS:
        return GROUPS[name]
    return (WEEKDAYS[name] if name in WEEKDAYS else WEEKDAYS[name.removesuffix("s")],)


def every_part(found: re.Match[str], _: Moment) -> TimeParts:
    return TimeParts(every=Every(unit=Unit.DAY), part=_PARTS[found["part"]])


def workdays(_: re.Match[str], __: Moment) -> TimeParts:
    return TimeParts(every=Every(unit=Unit.WEEK, days=WORKDAYS))


def adverb(found: re.Match[str], _: Moment) -> TimeParts:
    return TimeParts(every=Every(unit=ADVERBS[found["adverb"]]))


def next_week(_: re.Match[str], moment: Moment) -> TimeParts:
    return TimeParts(day=week_of(moment.today).start + WEEK)


def next_month(_: re.Match[str], moment: Moment) -> TimeParts:
    return TimeParts(day=month_of(moment.today).end)


def weekend(_: re.Match[str], __: Moment) -> TimeParts:
    return TimeParts(weekday=WEEKEND[0])
