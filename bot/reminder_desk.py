"""Reminders for any front end: set, offered, listed, and described in any language."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.printable import Say
from graph.layers import Layers
from memory.errors import MemoryTierError
from memory.models import Episode
from memory.reminders.reminder import Origin, Reminder, Schedule, reminder_id
from memory.reminders.reminder_request import ReminderRequest, may_ask, read_move, read_requests
from memory.reminders.repetition import DAY_NAMES
from memory.reminders.told_event import may_tell, read_event

ZONE_FACTS = frozenset({"timezone", "time zone", "fus orar", "fusul orar"})
"""Keys of facts that name a person's zone."""
_MOST_MEMORIES = 2
_LIKELY = 0.5
"""Least probability of a memory that is shown with a reminder."""
_WORKDAYS = "MO,TU,WE,TH,FR"
MOST_LISTED = 40
_CHANGE = re.compile(r"(\d{1,9})\s+(.+)", re.DOTALL)
_ENDS = frozenset({"end", "stop", "delete", "done", "gata", "sterge", "șterge"})
_TERMINAL = {
    "reminder_days": "Mon Tue Wed Thu Fri Sat Sun",
    "reminder_hourly": "every hour",
    "reminder_daily": "every day",
    "reminder_weekly": "every week",
    "reminder_monthly": "every month",
    "reminder_yearly": "every year",
    "reminder_minutely_many": "every {count} minutes",
    "reminder_hourly_many": "every {count} hours",
    "reminder_daily_many": "every {count} days",
    "reminder_weekly_many": "every {count} weeks",
    "reminder_monthly_many": "every {count} months",
    "reminder_yearly_many": "every {count} years",
    "reminder_workdays": "every weekday",
    "reminder_on_days": "every {days}",
    "reminder_set": "I will remind you: {text}\n{time} ({zone}). /reminders lists, moves and ends them.",
    "reminder_when": "When shall I remind you? Say it in one line: remind me tomorrow at 9 to call the bank",
    "reminder_offer": "A reminder on {time}? /reminders yes sets it.",
    "reminder_ended": "Reminder ended: {text}",
    "reminder_gone": "This reminder is not there any more.",
    "reminder_unknown": "There is no reminder {number}.",
    "reminder_no_time": "There is no time to come in {words}. Write it as: /reminders 2 tomorrow at 10",
    "reminder_line": "{number}  {time}: {text}",
    "reminder_late": "Late: this was due {time}; no terminal was open then.",
    "reminders_none": "There are no reminders. Say for example: remind me on Friday at 9 to call the notary",
    "reminders_title": "Reminders",
    "reminders_usage": "/reminders 2 tomorrow at 10 moves number 2, /reminders 2 end ends it.",
}
"""English texts of an owner's terminals."""


@dataclass(frozen=True, slots=True)
class SetReminder:
    """A request for a reminder, and the reminder that was set."""

    request: ReminderRequest
    reminder: Reminder | None
    """None: the request names no time."""


@dataclass(frozen=True, slots=True)
class ReminderDesk:
    """Sets, offers and explains reminders in any front end."""

    layers: Layers

    async def zone(self, owner: str) -> tzinfo:
        """Return the zone of an owner's fact, else the configured one."""
        try:
            facts = await self.layers.permanent.facts(owner=owner)
            named = next((fact.value for fact in facts if fact.key.casefold() in ZONE_FACTS), "")
            return ZoneInfo(named.strip()) if named else self.layers.zone
        except (MemoryTierError, ZoneInfoNotFoundError, ValueError, OSError):
            return self.layers.zone

    async def take(self, words: str, *, owner: str, at: datetime, origin: Origin) -> list[SetReminder]:
        """Set the reminders that a message asks for. Safe to repeat."""
        if not may_ask(words):
            return []
        taken = []
        for number, request in enumerate(read_requests(words, now=at, zone=await self.zone(owner))):
            reminder = None
            if request.schedule is not None:
                new = _reminder(request.text, request.schedule, number, owner=owner, at=at, origin=origin)
                reminder = await self.layers.reminders.put(new) or new
            taken.append(SetReminder(request, reminder))
        return taken

    async def offer(self, words: str, *, owner: str, at: datetime, origin: Origin) -> Reminder | None:
        """Return a reminder to offer for an event that a message mentions, once for each event day."""
        if not may_tell(words):
            return None
        event = read_event(words, now=at, zone=await self.zone(owner))
        if event is None:
            return None
        offered = _reminder(event.text, event.schedule, 0, owner=owner, at=at, origin=origin)
        return offered if await self.layers.reminders.offer(offered, event.day.isoformat()) else None

    async def accept(self, offered_id: str, *, owner: str) -> Reminder | None:
        """Set an offered reminder; None if it is gone, ended or over. Safe to repeat."""
        offered = await self.layers.reminders.offered(offered_id, owner=owner)
        if offered is None or offered.schedule.at <= datetime.now(UTC):
            return None
        stored = await self.layers.reminders.put(offered)
        return stored or await self.layers.reminders.find(offered_id, owner=owner)

    async def memories(self, reminder: Reminder) -> list[Episode]:
        """Return memories that are relevant to a reminder, best first; none if the search fails."""
        layers, own = self.layers, reminder.origin.turn_id
        try:
            result = await layers.episodes.search(
                reminder.text, owner=reminder.owner, limit=2 * _MOST_MEMORIES
            )
            chances = await layers.live.calibration(result.query.model)
        except (MemoryTierError, TimeoutError):
            return []
        likely = [
            hit.episode
            for hit in result.hits
            if chances.probability(hit.evidence, result.query) >= _LIKELY
            and hit.episode.turn_id != own
            and not hit.episode.foreign
        ]
        return likely[:_MOST_MEMORIES]


def _reminder(
    text: str, schedule: Schedule, number: int, *, owner: str, at: datetime, origin: Origin
) -> Reminder:
    named = reminder_id(origin.turn_id, number)
    return Reminder(id=named, owner=owner, text=text, schedule=schedule, origin=origin, asked=at)


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
    names = dict(zip(DAY_NAMES, say("reminder_days").split(), strict=True))
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


def english(key: str, /, **values: object) -> str:
    """Render a text for an owner's terminal."""
    return _TERMINAL[key].format(**values)


def taken_texts(found: Sequence[SetReminder], say: Say, quote: Callable[[str], str]) -> list[str]:
    """Return the confirmation of each request; of one without a time, the question for it."""
    return [set_text(one.reminder, say, quote) if one.reminder else say("reminder_when") for one in found]


def terminal_answer(found: Sequence[SetReminder]) -> tuple[str | None, str]:
    """Return the answer to a message that asks for reminders alone, else None; and the note below it."""
    text = "\n".join(taken_texts(found, english, str))
    return (text, "") if found[0].request.is_whole else (None, text)
