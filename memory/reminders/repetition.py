"""Repetitions as RRULEs of RFC 5545: on another day, and some days earlier."""

from datetime import date, datetime, timedelta
from typing import Final

DAY_NAMES: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_SHORTEST_MONTH: Final = 28
_LEAP_DAY: Final = 2, 29
_STEPS: Final = {"MINUTELY": timedelta(minutes=1), "HOURLY": timedelta(hours=1)}


def last_days(frequency: str, first: date) -> list[str]:
    """Return the parts of a rule for a day that some months lack: there it is the last day."""
    if frequency == "MONTHLY" and first.day > _SHORTEST_MONTH:
        days = ",".join(map(str, range(_SHORTEST_MONTH, first.day + 1)))
        return [f"BYMONTHDAY={days}", "BYSETPOS=-1"]
    if frequency == "YEARLY" and (first.month, first.day) == _LEAP_DAY:
        return ["BYMONTH=2", "BYMONTHDAY=28,29", "BYSETPOS=-1"]
    return []


def moved_rule(rule: str, first: date) -> str:
    """Return a rule that starts on another day; in a monthly or yearly one, the day changes."""
    parts = rule.split(";")
    if parts[0] not in {"FREQ=MONTHLY", "FREQ=YEARLY"}:
        return rule
    kept = [part for part in parts if not part.startswith(("BYMONTH=", "BYMONTHDAY=", "BYSETPOS="))]
    return ";".join([*kept, *last_days(parts[0].removeprefix("FREQ="), first)])


def earlier_rule(rule: str, first: date, days: int) -> str:
    """Return the rule of the days that come `days` before those of a rule, the first of which is `first`."""
    if not rule or not days:
        return rule
    parts = dict(part.split("=") for part in moved_rule(rule, first - timedelta(days=days)).split(";"))
    if names := parts.get("BYDAY"):
        before = {name: DAY_NAMES[place - days % len(DAY_NAMES)] for place, name in enumerate(DAY_NAMES)}
        parts |= {"BYDAY": ",".join(before[name] for name in names.split(",")), "WKST": before[DAY_NAMES[0]]}
    elif parts["FREQ"] == "MONTHLY":
        parts |= _days_before(first.day, days)
    return ";".join(map("=".join, parts.items()))


def _days_before(day: int, days: int) -> dict[str, str]:
    """Return the parts of a monthly rule for the time before a day; negative ones count from its end."""
    if day <= days:
        return {"BYMONTHDAY": str(max(day - days - 1, -_SHORTEST_MONTH)), "BYSETPOS": "1"}
    if day > _SHORTEST_MONTH:  # or before the last day of a shorter month
        return {"BYMONTHDAY": f"{day - days},{-1 - days}", "BYSETPOS": "1"}
    return {}


def latest_start(rule: str, first: datetime, until: datetime) -> datetime:
    """Return the latest time up to `until` of a rule by minutes or hours; of others, the first.

    The times after it are the same: to count them from the first would take a second after a few years.
    """
    parts = dict(part.partition("=")[::2] for part in rule.split(";"))
    step = _STEPS.get(parts.get("FREQ", ""))
    if step is None or until < first or not parts.keys() <= {"FREQ", "INTERVAL"}:
        return first
    step *= int(parts.get("INTERVAL", 1))
    return first + (until - first) // step * step
