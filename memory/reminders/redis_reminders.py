"""Reminders in Redis: each owner's, and when the next ones of each front end are due.

Keys, all in one hash slot, with `O` the digest of an owner and `B` of a front end's box:

* `goat:{reminders}:of:O`       hash: reminder id -> the reminder as JSON
* `goat:{reminders}:count:O`    counts the owner's reminders
* `goat:{reminders}:ended:O`    sorted set: ids of ended reminders by their end, so that none is set again
* `goat:{reminders}:offers:O`   hash: id -> an offered reminder as JSON
* `goat:{reminders}:told:O`     hash: day of an event -> the turn after which a reminder was offered
* `goat:{reminders}:due:B`      sorted set: `O:ID` by the time in milliseconds
* `goat:{reminders}:rings`      counts the times of all reminders

A time is delivered first and then taken out of `due`: after a crash it is delivered again, under the same
number (`Reminder.ring`), so that the receiver recognizes it.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from memory.reminders.reminder import Reminder, Schedule
from memory.text.text import digest
from memory.working.redis_connection import GetRedis, run_script, translate_errors

KEPT = timedelta(days=90)
"""How long the ids of ended reminders are kept: as long as the records of turns in Telegram."""
OFFERS_KEPT = timedelta(days=400)
UNREADABLE_AGAIN = timedelta(hours=1)
"""When a due reminder that cannot be read is read again: another version may have written it."""
_PUT = """
if redis.call('ZSCORE', KEYS[3], ARGV[1]) or redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[2])
return 1
"""
"""KEYS: of, due, ended. ARGV: id, member of `due`, reminder, milliseconds."""
_REPLACE = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
if ARGV[5] == '' then redis.call('ZREM', KEYS[2], ARGV[2])
else redis.call('ZADD', KEYS[2], ARGV[5], ARGV[2]) end
return 1
"""
"""KEYS: of, due. ARGV: id, member of `due`, reminder before and after, milliseconds or nothing."""
_END = """
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[4])
redis.call('EXPIRE', KEYS[3], ARGV[5])
return redis.call('HDEL', KEYS[1], ARGV[1])
"""
"""KEYS: of, due, ended. ARGV: id, member of `due`, milliseconds, those of the oldest end kept, seconds."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """A reminder as it is stored."""

    reminder: Reminder
    raw: bytes


@dataclass(frozen=True, slots=True)
class RedisReminders:
    """The reminders of all owners. Every method raises `TierUnavailable` when Redis cannot be reached."""

    client: GetRedis

    async def put(self, reminder: Reminder) -> Reminder | None:
        """Store a new reminder; return it with its numbers, None if its id was stored before."""
        if await self.find(reminder.id, owner=reminder.owner) is not None:
            return None
        count = await self._next(_key("count", digest(reminder.owner)))
        stored = replace(reminder, number=count, ring=await self._next(_key("rings")))
        at = _milliseconds(stored.schedule.at)
        values = [stored.id, _member(stored), stored.to_json()]
        new = await run_script(self.client, _PUT, _keys(stored), *values, at)
        return stored if new else None

    @translate_errors()
    async def of(self, owner: str) -> list[Reminder]:
        """Return the owner's reminders that are to come, the next first."""
        found = await (await self.client()).hgetall(_key("of", digest(owner)))
        reminders = [one for one in map(_read, found.values()) if one and not one.rung]
        return sorted(reminders, key=lambda one: one.schedule.at)

    async def find(self, reminder_id: str, *, owner: str) -> Reminder | None:
        held = await self._held("of", owner, reminder_id)
        return held.reminder if held else None

    async def move(self, reminder_id: str, schedule: Schedule, *, owner: str) -> Reminder | None:
        """Give a reminder other times; return it, None if it is not there any more."""
        held = await self._held("of", owner, reminder_id)
        if held is None or held.reminder.rung:
            return None
        ring = await self._next(_key("rings"))
        moved = replace(held.reminder, schedule=schedule, ring=ring)
        return moved if await self._replace(held, moved, schedule.at) else None

    async def end(self, reminder_id: str, *, owner: str) -> bool:
        """Delete a reminder, so that it cannot be set again; return False if it is not there."""
        found = await self.find(reminder_id, owner=owner)
        whose = digest(owner)
        due = _due(found.origin.box) if found else _due("")
        now = datetime.now(UTC)
        keys = [_key("of", whose), due, _key("ended", whose)]
        times = [_milliseconds(now), _milliseconds(now - KEPT), int(KEPT.total_seconds())]
        return bool(await run_script(self.client, _END, keys, reminder_id, f"{whose}:{reminder_id}", *times))

    @translate_errors()
    async def due(self, box: str, now: datetime, *, most: int = 100) -> list[Held]:
        """Return the reminders of a front end that are due, the earliest first."""
        client = await self.client()
        until = math.floor(now.timestamp() * 1000)
        members: Any = await client.zrangebyscore(_due(box), "-inf", until, start=0, num=most)
        found = []
        for member in members:
            whose, _, reminder_id = member.decode().partition(":")
            raw: Any = await client.hget(_key("of", whose), reminder_id)
            if not raw:
                await client.zrem(_due(box), member)
                continue
            reminder = _read(raw)
            if reminder is None:
                await client.zadd(_due(box), {member: _milliseconds(now + UNREADABLE_AGAIN)}, xx=True)
            elif reminder.schedule.at <= now:  # another process may have advanced it meanwhile
                found.append(Held(reminder, raw))
        return found

    async def advance(self, held: Held, now: datetime) -> bool:
        """Remove a delivered time; return False if another process did, or the reminder changed.

        A reminder without a further time is kept as `rung` until `end`.
        """
        before = held.reminder
        schedule = before.schedule.after(max(now, before.schedule.at)) if before.schedule.rule else None
        if schedule is None:
            return await self._replace(held, replace(before, rung=True), None)
        after = replace(before, schedule=schedule, ring=await self._next(_key("rings")))
        return await self._replace(held, after, schedule.at)

    @translate_errors()
    async def offer(self, reminder: Reminder, day: str) -> bool:
        """Store a reminder that is offered for an event on a day; False if one was offered for it before.

        The same turn may offer again.
        """
        client, whose = await self.client(), digest(reminder.owner)
        told, offers, turn_id = _key("told", whose), _key("offers", whose), reminder.origin.turn_id
        if not await client.hsetnx(told, day, turn_id) and await client.hget(told, day) != turn_id.encode():
            return False
        async with client.pipeline(transaction=True) as pipeline:
            pipeline.hset(offers, reminder.id, reminder.to_json())
            pipeline.expire(offers, OFFERS_KEPT)
            pipeline.expire(told, OFFERS_KEPT)
            await pipeline.execute()
        return True

    async def offered(self, reminder_id: str, *, owner: str) -> Reminder | None:
        held = await self._held("offers", owner, reminder_id)
        return held.reminder if held else None

    @translate_errors()
    async def forget(self, turn_ids: Sequence[str], *, owner: str) -> bool:
        """Delete the reminders and offers that turns of the owner made; their events may be offered again.

        Returns:
            True when an offer among them was set.
        """
        client, whose = await self.client(), digest(owner)
        told = _key("told", whose)
        events: dict[Any, Any] = await client.hgetall(told)
        for day, turn_id in events.items():
            if turn_id.decode() in turn_ids:
                await client.hdel(told, day)
        deleted = dict[str, set[str]]()
        for kind in ("of", "offers"):
            found = map(_read, (await client.hgetall(_key(kind, whose))).values())
            made = [one for one in found if one and one.origin.turn_id in turn_ids]
            deleted[kind] = {reminder.id for reminder in made}
            for reminder in made:
                await client.hdel(_key(kind, whose), reminder.id)
                await client.zrem(_due(reminder.origin.box), _member(reminder))
        return not deleted["of"].isdisjoint(deleted["offers"])

    @translate_errors()
    async def erase(self, *, owner: str) -> None:
        """Delete all reminders and offers of an owner."""
        client, whose = await self.client(), digest(owner)
        for reminder in map(_read, (await client.hgetall(_key("of", whose))).values()):
            if reminder:
                await client.zrem(_due(reminder.origin.box), _member(reminder))
        await client.unlink(*(_key(kind, whose) for kind in ("of", "count", "ended", "offers", "told")))

    @translate_errors()
    async def _held(self, kind: str, owner: str, reminder_id: str) -> Held | None:
        raw: Any = await (await self.client()).hget(_key(kind, digest(owner)), reminder_id)
        reminder = _read(raw) if raw else None
        return Held(reminder, raw) if reminder else None

    async def _replace(self, held: Held, after: Reminder, at: datetime | None) -> bool:
        when = "" if at is None else _milliseconds(at)
        values = [after.id, _member(after), held.raw, after.to_json(), when]
        return bool(await run_script(self.client, _REPLACE, _keys(after)[:2], *values))

    @translate_errors()
    async def _next(self, counter: str) -> int:
        return int(await (await self.client()).incr(counter))


def _read(raw: bytes | str) -> Reminder | None:
    """Read a stored reminder; None with a warning if another version wrote it, or it is damaged."""
    try:
        return Reminder.from_json(raw)
    except (ValueError, KeyError, TypeError, AttributeError):
        logger.warning("Left out a reminder: what is stored of it cannot be read")
        return None


def _key(*names: str) -> str:
    return ":".join(["goat:{reminders}", *names])


def _due(box: str) -> str:
    return _key("due", digest(box))


def _keys(reminder: Reminder) -> list[str]:
    whose = digest(reminder.owner)
    return [_key("of", whose), _due(reminder.origin.box), _key("ended", whose)]


def _member(reminder: Reminder) -> str:
    return f"{digest(reminder.owner)}:{reminder.id}"


def _milliseconds(moment: datetime) -> int:
    """Return a Unix time, rounded up: a reminder is never early."""
    return math.ceil(moment.timestamp() * 1000)
