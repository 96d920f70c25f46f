"""Sets the reminders that a message asks for, and offers one for an event that it mentions."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from graph.layers import Layers
from memory.errors import MemoryTierError
from memory.models import Episode
from memory.reminders.reminder import Origin, Reminder, Schedule, reminder_id
from memory.reminders.reminder_request import ReminderRequest, may_ask, read_requests
from memory.reminders.told_event import may_tell, read_event

ZONE_FACTS = frozenset({"timezone", "time zone", "fus orar", "fusul orar"})
"""Keys of facts that name a person's zone."""
_MOST_MEMORIES = 2
_LIKELY = 0.5
"""Least probability of a memory that is shown with a reminder."""


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
