"""Reminders as text in any language, and the command that lists, moves and ends them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.reminders.reminder_desk import ReminderDesk
from memory.reminders.reminder import Reminder, Schedule
from memory.reminders.reminder_request import read_move

_DAY_NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WORKDAYS = "MO,TU,WE,TH,FR"

Say = Callable[..., str]
"""Renders a text in one language from a key and named values."""

MOST_LISTED = 40
_CHANGE = re.compile(r"(\d{1,9})\s+(.+)", re.DOTALL)
_ENDS = frozenset({"end", "stop", "delete", "done", "gata", "sterge", "șterge"})


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


@dataclass(frozen=True, slots=True)
class ReminderList:
    """The command that lists, moves and ends reminders, in one language."""

    desk: ReminderDesk
    say: Say
    quote: Callable[[str], str]
    """Renders texts written by people."""

    async def answer(self, words: str, *, owner: str, now: datetime) -> tuple[str, Sequence[Reminder]]:
        """Return the text for the words after the command, and the reminders that it lists.

        Without words, it lists all. A number and a time move one, which keeps its repetition; a number and
        "end" end it.
        """
        listed = await self.desk.layers.reminders.of(owner)
        if not words:
            return self._list_text(listed[:MOST_LISTED]), listed[:MOST_LISTED]
        change = _CHANGE.fullmatch(words)
        if change is None:
            return self.say("reminders_usage"), ()
        chosen = next((one for one in listed if one.number == int(change[1])), None)
        if chosen is None:
            return self.say("reminder_unknown", number=change[1]), ()
        return await self._change(chosen, change[2].strip(), now), ()

    async def _change(self, reminder: Reminder, words: str, now: datetime) -> str:
        """End or move a reminder; return the text for it."""
        reminders, owner = self.desk.layers.reminders, reminder.owner
        if words.lower() in _ENDS:
            await reminders.end(reminder.id, owner=owner)
            return self.say("reminder_ended", text=self.quote(reminder.text))
        zone = await self.desk.zone(owner)
        schedule = read_move(words, reminder.schedule, now=now, zone=zone)
        if schedule is None:
            return self.say("reminder_no_time", words=self.quote(words))
        moved = await reminders.move(reminder.id, schedule, owner=owner)
        return set_text(moved, self.say, self.quote) if moved else self.say("reminder_gone")

    def _list_text(self, reminders: Sequence[Reminder]) -> str:
        if not reminders:
            return self.say("reminders_none")
        lines = [self._line(one) for one in reminders]
        return "\n".join([self.say("reminders_title"), "", *lines, "", self.say("reminders_usage")])

    def _line(self, reminder: Reminder) -> str:
        speaker = f" ({self.quote(reminder.origin.speaker)})" if reminder.origin.speaker else ""
        time, text = time_text(reminder.schedule, self.say), f"{self.quote(reminder.text)}{speaker}"
        return self.say("reminder_line", number=reminder.number, time=time, text=text)


def set_text(reminder: Reminder, say: Say, quote: Callable[[str], str]) -> str:
    """Return the confirmation of a reminder, with its text, time and zone."""
    schedule = reminder.schedule
    return say("reminder_set", text=quote(reminder.text), time=time_text(schedule, say), zone=schedule.zone)
