"""A trial of reminders: many come due while processes are killed, and each is to be seen once, not before."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from memory.reminders.reminder import Origin, Reminder, Schedule, reminder_id
from tests.nursery import Nursery
from tests.telegram_soak.faults import let_go_wrong
from tests.telegram_soak.layouts import Layout
from tests.telegram_soak.script import Chat, Line, chats
from tests.telegram_soak.trial import rest
from tests.telegram_soak.world import World, running_world
from tests.telegram_soak.written import Written, write

_TAG = re.compile(r"\br\d{4}\b")
_REPEATED, _REDIS_KILLS = 0.1, 0.1
_START_SECONDS = 10.0
"""From the last request until the first reminder is due."""
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ReminderPlan:
    """The amount of reminders and kills."""

    reminders: int = 1000
    chats: int = 20
    kills: int = 60
    seconds: float = 150.0
    """During which the reminders come due."""
    seed: int = 1


@dataclass(slots=True)
class ReminderFigures:
    """What went wrong, in words, and counts."""

    name: str
    reminders: int = 0
    kills: int = 0
    server_kills: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    crossed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Reminders that are still listed, and repeated ones that are not."""
    delays: list[float] = field(default_factory=list)
    """Seconds from its time until Telegram had it."""

    @property
    def wrong(self) -> list[str]:
        return self.lost + self.doubled + self.early + self.crossed + self.left

    def __str__(self) -> str:
        delays = sorted(self.delays) or [0.0]
        return (
            f"{self.name}: {self.reminders} reminders, {self.kills} kills ({self.server_kills} of servers): "
            f"{len(self.lost)} lost, {len(self.doubled)} twice, {len(self.early)} early, {len(self.crossed)} "
            f"crossed, {len(self.left)} left behind; delay median {delays[len(delays) // 2]:.1f} s, "
            f"longest {delays[-1]:.0f} s"
        )


@dataclass(frozen=True, slots=True)
class _Due:
    """A reminder, and when it is due by `time.monotonic()`."""

    tag: str
    chat: Chat
    asked: int
    reminder: Reminder
    at: float


async def run_reminder_trial(
    nursery: Nursery, layout: Layout, plan: ReminderPlan, folder: Path
) -> ReminderFigures:
    """Run a trial, and return its figures."""
    everywhere, figures = chats(plan.chats), ReminderFigures(layout.name, reminders=plan.reminders)
    async with running_world(nursery, layout, folder, everywhere, seed=plan.seed) as world:
        written = Written()
        for chat in everywhere:
            write(world, Line(chat, 0), written)
        await rest(world)
        due = await _set(world, plan, everywhere, written)
        let_go_wrong(world.api)
        await asyncio.to_thread(_kill, world, plan, due[-1].at, figures)
        while time.monotonic() < due[-1].at + _SETTLE_SECONDS:
            await asyncio.sleep(0.25)
            world.crew.tend()
        await _wait_until_rung(world, due)
        await _check(world, due, figures)
    return figures


async def _set(world: World, plan: ReminderPlan, everywhere: Sequence[Chat], written: Written) -> list[_Due]:
    """Store the reminders, the first due one first."""
    chance = random.Random(plan.seed)
    moments = sorted(chance.uniform(0, plan.seconds) for _ in range(plan.reminders))
    start = datetime.now(UTC) + timedelta(seconds=_START_SECONDS)
    clock = time.monotonic() - time.time()
    found = []
    for number, moment in enumerate(moments):
        chat, tag = chance.choice(everywhere), f"r{number:04}"
        at = start + timedelta(seconds=moment)
        asked = written.messages[Line(chat, 0).name]
        rule = "FREQ=DAILY" if chance.random() < _REPEATED else ""
        reminder = _reminder(world, chat, tag, at, rule, asked)
        stored = await world.layers.reminders.put(reminder)
        assert stored is not None
        found.append(_Due(tag, chat, asked, stored, at.timestamp() + clock))
    return found


def _reminder(world: World, chat: Chat, tag: str, at: datetime, rule: str, asked: int) -> Reminder:
    place = f"{chat.chat_id}:{chat.topic or 0}"
    origin = Origin(box=f"telegram:{world.bot_id}", place=place, message=asked, turn_id=tag)
    schedule = Schedule(at=at, zone="UTC", rule=rule, first=at.replace(tzinfo=None))
    return Reminder(
        id=reminder_id(tag), owner=chat.owner, text=f"call {tag}", schedule=schedule, origin=origin, asked=at
    )


def _kill(world: World, plan: ReminderPlan, until: float, figures: ReminderFigures) -> None:
    """Kill processes at random moments until the last reminder is due."""
    chance, redis = random.Random(plan.seed + 1), int(plan.kills * _REDIS_KILLS)
    whom = [number < redis for number in range(plan.kills)]
    chance.shuffle(whom)
    now = time.monotonic()
    moments = sorted(chance.uniform(now, until) for _ in range(plan.kills))
    for moment, is_redis in zip(moments, whom, strict=True):
        time.sleep(max(0.0, moment - time.monotonic()))
        world.crew.tend()
        if not is_redis:
            world.crew.kill(chance.random())
            figures.kills += 1
        elif world.kill_server():  # it may be dead still
            figures.kills += 1
            figures.server_kills += 1


async def _wait_until_rung(world: World, due: Sequence[_Due]) -> None:
    """Wait until no reminder is due and no lane has work."""
    await rest(world)
    now, box = datetime.now(UTC), due[0].reminder.origin.box
    while await world.layers.reminders.due(box, now):
        await asyncio.sleep(0.25)
        world.crew.tend()
    await rest(world)
    await asyncio.sleep(_SETTLE_SECONDS)


async def _check(world: World, due: Sequence[_Due], figures: ReminderFigures) -> None:
    by_tag, seen = {one.tag: one for one in due}, Counter[str]()
    for chat_id in {one.chat.chat_id for one in due}:
        for message in world.api.answers(chat_id):
            for tag in _TAG.findall(message.text):
                seen[tag] += 1
                where = (message.chat_id, message.topic, message.reply_to)
                wanted = by_tag[tag]
                if where != (wanted.chat.chat_id, wanted.chat.topic, wanted.asked):
                    figures.crossed.append(f"{tag} is at {where}")
    figures.lost = [f"{tag} never came" for tag in by_tag if not seen[tag]]
    figures.doubled = [f"{tag} came {count} times" for tag, count in seen.items() if count > 1]
    for tag, first in _first_calls(world).items():
        figures.delays.append(first - by_tag[tag].at)
        if first < by_tag[tag].at:
            figures.early.append(f"{tag} came {by_tag[tag].at - first:.3f} s early")
    for owner in {one.chat.owner for one in due}:
        listed = {one.text.split()[1] for one in await world.layers.reminders.of(owner)}
        wanted_tags = {one.tag for one in due if one.chat.owner == owner and one.reminder.schedule.rule}
        figures.left += [f"{tag} is listed wrongly" for tag in listed ^ wanted_tags]


def _first_calls(world: World) -> dict[str, float]:
    """Return when Telegram first got each reminder."""
    found: dict[str, float] = {}
    for call in world.api.calls("sendMessage"):
        for tag in _TAG.findall(str(call.parameters.get("text", ""))):
            found[tag] = min(call.at, found.get(tag, call.at))
    return found
