"""A reminder and its times."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Self
from zoneinfo import ZoneInfo

from memory.reminders.repetition import earlier_rule, latest_start
from memory.text.text import digest

_ID_CHARS = 16
_STORED = frozenset({"owner", "number", "ring", "rung"})
LATE = timedelta(minutes=5)
"""Delay above which a reminder says that it is late."""
LONGEST_TEXT = 500
_TERMINAL = "terminal:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The times of a reminder, on the clock of its zone: nine o'clock stays nine o'clock."""

    at: datetime
    """The next time, in UTC."""
    zone: str
    """A name of the IANA."""
    rule: str = ""
    """An RRULE of RFC 5545; empty: once."""
    first: datetime
    """The first time, on the zone's clock and without a zone."""

    @classmethod
    def starting(cls, first: datetime, zone: tzinfo, rule: str = "") -> Self:
        """Return a schedule from its first time, without a zone."""
        return cls(at=_instant(first, zone), zone=str(zone), rule=rule, first=first)

    @property
    def local(self) -> datetime:
        """The next time in its zone."""
        return self.at.astimezone(ZoneInfo(self.zone))

    def earlier(self, lead: timedelta) -> "Schedule":
        """Return the schedule whose times are that much earlier on the clock."""
        first = self.first - lead
        rule = earlier_rule(self.rule, self.first.date(), (self.first.date() - first.date()).days)
        return Schedule.starting(first, ZoneInfo(self.zone), rule)

    def after(self, moment: datetime) -> "Schedule | None":
        """Return the schedule from its next time after a moment; None if there is none."""
        from dateutil.rrule import rrulestr  # noqa: PLC0415 - 20 ms, for repeated reminders only

        if not self.rule:
            return self if self.at > moment else None
        zone = ZoneInfo(self.zone)
        # The clock may be put back in between: times of the hour before are compared as instants.
        since = moment.astimezone(zone).replace(tzinfo=None) - timedelta(hours=3)
        times = rrulestr(self.rule, dtstart=latest_start(self.rule, self.first, since))
        for local in times.xafter(since):
            if (at := _instant(local, zone)) > moment:
                return replace(self, at=at)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a reminder was asked for, and where it is shown."""

    box: str
    """The front end: "telegram:<bot>", or "terminal:<owner>"."""
    place: str = ""
    """The place in the front end, such as a chat's lane."""
    message: int = 0
    """The message that asked for it, if the front end numbers them."""
    turn_id: str = ""
    language: str = ""
    speaker: str = ""
    """Who asked, in a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A reminder of an owner."""

    id: str
    owner: str
    text: str
    """What to remind of, in the person's words."""
    schedule: Schedule
    origin: Origin
    asked: datetime
    number: int = 0
    """Counts the owner's reminders, for people; given by the store."""
    ring: int = 0
    """Number of its next time, unique among all reminders; each is shown once; given by the store."""
    rung: bool = False
    """Its only time has come: it is on its way to the person."""

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=datetime.isoformat, ensure_ascii=False)

    def record(self) -> dict[str, Any]:
        """Return its record in exports, without its owner and the store's values."""
        fields: dict[str, Any] = json.loads(self.to_json())
        return {name: value for name, value in fields.items() if name not in _STORED}

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        fields: dict[str, Any] = json.loads(text)
        fields["schedule"] = _schedule(fields["schedule"])
        fields["origin"] = Origin(**fields["origin"])
        fields["asked"] = datetime.fromisoformat(fields["asked"])
        return cls(**fields)


def terminal_box(owner: str) -> str:
    """Return the box of an owner's terminals."""
    return f"{_TERMINAL}{owner}"


def is_terminal_box(box: str) -> bool:
    """Return True if a box is of terminals."""
    return box.startswith(_TERMINAL)


def reminder_id(turn_id: str, number: int = 0) -> str:
    """Return the id of a reminder that a turn sets, the same when the turn runs again."""
    return digest(f"reminder {turn_id} {number}")[:_ID_CHARS]


def is_late(due: datetime, now: datetime) -> bool:
    """Return True when a reminder comes later than `LATE`."""
    return now - due > LATE


def _schedule(fields: Mapping[str, Any]) -> Schedule:
    times = {name: datetime.fromisoformat(fields[name]) for name in ("at", "first")}
    return Schedule(zone=fields["zone"], rule=fields["rule"], **times)


def _instant(local: datetime, zone: tzinfo) -> datetime:
    """Return a time of a zone's clock in UTC; one that the clock skips counts as an hour later."""
    return local.replace(tzinfo=zone).astimezone(UTC)
