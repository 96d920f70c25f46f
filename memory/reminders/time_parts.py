"""Parts of a future time, such as a day or an hour, and the schedule that they make together."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from typing import Any

from memory.reminders.reminder import Schedule
from memory.reminders.repetition import DAY_NAMES, last_days
from memory.temporal.time_spans import CLOCK, DAY, WEEK, Moment, months_before, week_of
from memory.temporal.time_words import Unit

HOURS = {"morning": 9, "noon": 12, "afternoon": 15, "evening": 19, "night": 21}
"""The hour of each part of the day, when none is named."""
DAWN = 7
"""A bare hour before it is in the afternoon: "at 5"."""
HALF_DAY = 12
_SMALL_HOURS = 4
"""A bare hour before it in the evening is after midnight: "tonight at 1"."""
_FREQUENCIES = {
    Unit.MINUTE: "MINUTELY",
    Unit.HOUR: "HOURLY",
    Unit.DAY: "DAILY",
    Unit.WEEK: "WEEKLY",
    Unit.MONTH: "MONTHLY",
    Unit.YEAR: "YEARLY",
}
LENGTHS = {**CLOCK, Unit.DAY: DAY, Unit.WEEK: WEEK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """An hour of the clock."""

    hour: int
    """From 24 on it is of the next day."""
    minute: int = 0
    exact: bool = False
    """Written with minutes, or said to be before or after noon."""
    noon: bool = False
    """Said to be before or after noon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """A repetition."""

    unit: Unit
    interval: int = 1
    days: tuple[int, ...] = ()
    """Days of the week, from 0 for Monday."""

    def rule(self, first: date) -> str:
        """Return the RRULE from a first day; a month without that day has its last one, as February."""
        parts = [f"FREQ={_FREQUENCIES[self.unit]}"]
        if self.interval > 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.days:
            parts.append(f"BYDAY={','.join(DAY_NAMES[day] for day in self.days)}")
        else:
            parts += last_days(_FREQUENCIES[self.unit], first)
        return ";".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeParts:
    """The parts of a future time that a message names."""

    day: date | None = None
    weekday: int | None = None
    weeks: int = 0
    """Weeks after the weekday's own: 1 for "next Friday", whose week begins next Monday."""
    hour: Hour | None = None
    part: str = ""
    """A key of `HOURS`."""
    delay: tuple[float, Unit] | None = None
    every: Every | None = None
    bound: bool = False
    """It names a time only together with others, as "morning" does."""

    @property
    def is_placed(self) -> bool:
        """True when it names a day, a part of one, or a repetition."""
        return bool(self.day or self.weekday is not None or self.every or self.part)

    @property
    def is_hour(self) -> bool:
        """True when it names an hour, and no day."""
        day = self.day or self.delay or self.every
        return self.hour is not None and self.weekday is None and not day

    def joined(self, other: "TimeParts") -> "TimeParts | None":
        """Return both together; None if they contradict each other."""
        values: dict[str, Any] = {}
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            said = [each for each in (mine, theirs) if each != field.default]
            if len({*said}) > 1:
                return None
            values[field.name] = said[0] if said else field.default
        if values["day"] and values["weekday"] not in (None, values["day"].weekday()):
            return None
        return replace(TimeParts(**values), bound=self.bound and other.bound)

    def schedule(self, moment: Moment) -> Schedule | None:
        """Return the schedule that begins after a moment; None when it is over, or after the year 9999."""
        try:
            return self._schedule(moment)
        except (ValueError, OverflowError):
            return None

    def _schedule(self, moment: Moment) -> Schedule | None:
        if self.delay and self.delay[1] in CLOCK:
            count, unit = self.delay
            at = (moment.now + CLOCK[unit] * count).astimezone(UTC)
            local = at.astimezone(moment.zone).replace(tzinfo=None)
            return replace(Schedule.starting(local, moment.zone), at=at)  # this local time may occur twice
        first = self._first(moment)
        if first is None:
            return None
        rule = self.every.rule(first.date()) if self.every else ""
        # A local hour may occur twice, and now be in its second one.
        begun = (Schedule.starting(first.replace(fold=fold), moment.zone, rule) for fold in (0, 1))
        return next((found for one in begun if (found := one.after(moment.now))), None)

    def _first(self, moment: Moment) -> datetime | None:
        """Return the first time on the clock; None when it is over."""
        day = self._day(moment)
        local = moment.now.astimezone(moment.zone).replace(tzinfo=None)
        if day is None and self.every and self.every.unit in CLOCK and self.hour is None:
            if self.every.unit is Unit.HOUR:
                return local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
            return local.replace(second=0, microsecond=0) + timedelta(minutes=self.every.interval)
        times = self._times(is_today=day in (None, local.date()) and not self.every)
        today = [_on(day or local.date(), each) for each in times]
        coming = [each for each in today if each > local]
        if coming:
            return coming[0]
        if day is None:
            return today[0] if self.every else _on(local.date() + DAY, times[0])
        if self.weekday is not None and self.day is None:
            return _on(day + WEEK, times[0])
        return today[0] if self.every else None

    def _day(self, moment: Moment) -> date | None:
        """Return the day that is named; for a weekday, today or later."""
        if self.day is not None:
            return self.day
        if self.delay:
            return later(moment.today, *self.delay)
        if self.weekday is None:
            today, days = moment.today, self.every.days if self.every else ()
            return min((today + DAY * ((day - today.weekday()) % 7) for day in days), default=None)
        if self.weeks:
            return week_of(moment.today).start + WEEK * self.weeks + DAY * self.weekday
        return moment.today + DAY * ((self.weekday - moment.today.weekday()) % 7)

    def _times(self, *, is_today: bool) -> list[Hour]:
        """Return the hours that are meant, the likeliest first."""
        hour = self.hour
        if hour is None:
            return [Hour(hour=HOURS[self.part or "morning"])]
        if hour.exact or hour.hour >= HALF_DAY or self.part:
            return [replace(hour, hour=_hour_of_part(hour, self.part))]
        after_noon = replace(hour, hour=hour.hour + HALF_DAY)
        if 0 < hour.hour < DAWN:
            return [after_noon]
        return [hour, after_noon] if is_today and self.weekday is None else [hour]


def _hour_of_part(hour: Hour, part: str) -> int:
    """Return the hour in a part of the day: twelve at night is midnight, eight in the evening is 20."""
    is_late = part in {"evening", "night"}
    if hour.hour == HALF_DAY and is_late:
        return 2 * HALF_DAY
    if hour.noon or hour.hour > HALF_DAY or not (is_late or part == "afternoon"):
        return hour.hour
    is_after_midnight = hour.hour < (DAWN if part == "night" else _SMALL_HOURS) and is_late
    return hour.hour + HALF_DAY * (2 if is_after_midnight else 1)


def _on(day: date, hour: Hour) -> datetime:
    extra, within = divmod(hour.hour, 24)
    return datetime.combine(day + DAY * extra, time(within, hour.minute))  # on a zone's clock


def later(day: date, count: float, unit: Unit) -> date:
    if unit in (Unit.DAY, Unit.WEEK):
        return day + DAY * ceil(count * 7 if unit is Unit.WEEK else count)
    months, rest = divmod(count * 12 if unit is Unit.YEAR else count, 1)
    return months_before(day, -int(months)) + DAY * ceil(rest * 31)


def completed(times: Sequence[TimeParts]) -> list[TimeParts]:
    """Return times that were named together, each with what they share; empty if they do not belong together.

    They share a day ("tomorrow at 9 and at 5"), an hour ("on Monday and on Friday at 9"), or nothing.
    """
    if any(parts.delay for parts in times):
        return list(times) if all(parts.delay for parts in times) else []
    timed, dated = [one for one in times if one.hour], [one for one in times if not one.is_hour]
    if len(timed) == len(times) and len(dated) == 1 and any(one.part for one in times if one.is_hour):
        whole = dated[0]
        return [one if one is whole else replace(whole, hour=one.hour, part=one.part) for one in times]
    placed = [one for one in times if one.is_placed]
    if len(timed) == len(times):
        is_exact = any(hour.exact or hour.hour > HALF_DAY for one in timed if (hour := one.hour))
        full = [one if one.is_placed or not placed else replace(placed[0], hour=one.hour) for one in times]
        exact = [replace(one, hour=one.hour and replace(one.hour, exact=is_exact)) for one in full]
        return exact if len(placed) in (0, 1, len(times)) else []
    if len(placed) < len(times) or len(timed) > 1 or any(one.every or one.weeks for one in times):
        return []
    shared = next((one for one in times if one.hour or one.part), times[0])
    return [replace(one, hour=shared.hour, part=shared.part) for one in times]
