"""Widths of the ranges for "N units ago" and "the last N units".

| unit | plain | "about", "a couple of" |
|---|---|---|
| minutes | plus and minus the larger of 5 minutes and N / 4 | twice that |
| hours | plus and minus half an hour; a quarter of an hour when N < 1 | twice that |
| days | that day | and the day before and after |
| weeks | that day plus and minus 3 days | plus and minus 7 days |
| months | that calendar month | and the month before and after |
| years | that calendar year | and the year before and after |

"A few" is from 2 to 5. Fractions of days or longer units are converted to the next finer unit, as "about".
"""

from dataclasses import dataclass
from datetime import date, timedelta

from memory.temporal.time_spans import CLOCK, DAY, Days, Moment, Span, unit_around, units_before
from memory.temporal.time_words import Unit

FEW = (2, 5)
_LEAST = timedelta(minutes=5)
_SHARE = 4
_HOUR_MARGIN = timedelta(minutes=30)
_BRIEF_MARGIN = timedelta(minutes=15)
_WEEK_MARGIN = 3
_ABOUT_WEEK_MARGIN = 7
_FINER = {
    Unit.YEAR: (12, Unit.MONTH),
    Unit.MONTH: (30, Unit.DAY),
    Unit.WEEK: (7, Unit.DAY),
    Unit.DAY: (24, Unit.HOUR),
}


@dataclass(frozen=True, slots=True)
class Amount:
    """A range of counts of a unit."""

    low: float
    high: float
    unit: Unit
    about: bool = False


def ago(amount: Amount, moment: Moment) -> Span:
    """Return the span `amount` before the moment."""
    amount = _in_whole_units(amount)
    if amount.unit in CLOCK:
        return _clock_ago(amount, moment)
    earliest = _days_ago(amount, int(amount.high), moment.today, side=1)
    latest_span = _days_ago(amount, int(amount.low), moment.today, side=-1)
    return moment.whole(Days(earliest.start, latest_span.end))


def latest_span(amount: Amount, moment: Moment) -> Span:
    """Return the span of the last `amount` up to the moment; days and longer units begin at midnight."""
    amount = _in_whole_units(amount)
    if amount.unit in CLOCK:
        return Span(moment.now - CLOCK[amount.unit] * amount.high, moment.now)
    return moment.since(units_before(moment.today, int(amount.high), amount.unit))


def _in_whole_units(amount: Amount) -> Amount:
    if amount.unit in CLOCK or float(amount.high).is_integer():
        return amount
    factor, unit = _FINER[amount.unit]
    return Amount(int(amount.low * factor), int(amount.high * factor), unit, about=True)


def _clock_ago(amount: Amount, moment: Moment) -> Span:
    unit = CLOCK[amount.unit]
    margin = _clock_margin(amount) * (1 + amount.about)
    return Span(moment.now - unit * amount.high - margin, moment.now - unit * amount.low + margin)


def _clock_margin(amount: Amount) -> timedelta:
    if amount.unit is Unit.MINUTE:
        return max(_LEAST, timedelta(minutes=1) * (amount.high / _SHARE))
    return _HOUR_MARGIN if amount.high >= 1 else _BRIEF_MARGIN


def _days_ago(amount: Amount, count: int, today: date, *, side: int) -> Days:
    if amount.unit is Unit.WEEK:
        margin = DAY * (_ABOUT_WEEK_MARGIN if amount.about else _WEEK_MARGIN)
        middle = units_before(today, count, Unit.WEEK)
        return Days(middle - margin, middle + margin + DAY)
    day = units_before(today, count + side * amount.about, amount.unit)
    return Days(day, day + DAY) if amount.unit is Unit.DAY else unit_around(day, amount.unit)
