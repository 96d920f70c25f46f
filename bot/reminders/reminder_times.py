"""A reminder's times as text, in any language."""

from collections.abc import Callable

from memory.reminders.reminder import Schedule

_DAY_NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WORKDAYS = "MO,TU,WE,TH,FR"

Say = Callable[..., str]
"""Renders a text in one language from a key and named values."""


def time_text(schedule: Schedule, say: Say) -> str:
    """Return the next time with its day of the week, and the repetition if there is one."""
    local = schedule.local
    text = f"{say('reminder_days').split()[local.weekday()]} {local:%Y-%m-%d %H:%M}"
    return f"{text}, {_repetition(schedule.rule, say)}" if schedule.rule else text


def _repetition(rule: str, say: Say) -> str:
    parts = dict(part.split("=") for part in rule.split(";"))
    interval, days = parts.get("INTERVAL", ""), parts.get("BYDAY", "")
    if interval or not days:
        unit = parts["FREQ"].lower()
        return say(f"reminder_{unit}_many", count=interval) if interval else say(f"reminder_{unit}")
    if days == _WORKDAYS:
        return say("reminder_workdays")
    names = dict(zip(_DAY_NAMES, say("reminder_days").split(), strict=True))
    return say("reminder_on_days", days=", ".join(names[day] for day in days.split(",")))
