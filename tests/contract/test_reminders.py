"""The store of reminders, on every Redis that the agent may be given."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from memory.errors import TierUnavailable
from memory.reminders.redis_reminders import RedisReminders
from memory.reminders.reminder import Origin, Reminder, Schedule, reminder_id
from tests.contract.redis_servers import connected

ZONE = ZoneInfo("Europe/Bucharest")
FIRST = datetime.fromisoformat("2026-11-27T09:00")
AT = datetime(2026, 11, 27, 7, tzinfo=UTC)
BOX = "telegram:1"
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def store(any_redis_url: str) -> AsyncIterator[RedisReminders]:
    async with connected(any_redis_url) as connection:
        yield RedisReminders(connection.client)


@pytest.fixture
async def on_valkey(valkey_url: str) -> AsyncIterator[RedisReminders]:
    async with connected(valkey_url) as connection:
        yield RedisReminders(connection.client)


def reminder(turn: str = "t1", owner: str = "ana", rule: str = "", box: str = BOX) -> Reminder:
    return Reminder(
        id=reminder_id(turn),
        owner=owner,
        text="să sun 🐐 notarul",
        schedule=Schedule.starting(FIRST, ZONE, rule),
        origin=Origin(box=box, place="5:0", message=7, turn_id=turn, language="ro"),
        asked=AT - timedelta(days=3),
    )


async def test_a_reminder_from_its_request_to_its_end(store: RedisReminders) -> None:
    set_ = await store.put(reminder())
    assert set_ is not None
    assert set_ == replace(reminder(), number=1, ring=set_.ring)
    assert await store.of("ana") == [set_]
    assert await store.due(BOX, AT - timedelta(milliseconds=1)) == []
    (held,) = await store.due(BOX, AT)
    assert held.reminder == set_
    assert await store.due("telegram:2", AT) == []
    assert [await store.advance(held, AT), await store.advance(held, AT)] == [True, False]
    assert await store.due(BOX, AT + MINUTE) == []
    assert await store.of("ana") == []
    assert (await store.find(set_.id, owner="ana")) == replace(set_, rung=True)
    assert [await store.end(set_.id, owner="ana"), await store.end(set_.id, owner="ana")] == [True, False]


async def test_a_repeated_one_comes_again_under_another_number(store: RedisReminders) -> None:
    first = await store.put(reminder(rule="FREQ=DAILY"))
    (held,) = await store.due(BOX, AT)
    assert await store.advance(held, AT)
    (again,) = await store.of("ana")
    assert first is not None
    assert again.ring > first.ring
    assert again.schedule.at == AT + timedelta(days=1)
    assert await store.due(BOX, AT + timedelta(hours=23)) == []


async def test_one_that_cannot_be_read_holds_no_other_up_and_is_read_again_later(
    on_valkey: RedisReminders,
) -> None:
    other = reminder("t2")
    for one in (reminder(), other):
        await on_valkey.put(one)
    client = await on_valkey.client()
    (key,) = [key async for key in client.scan_iter(match="goat:{reminders}:of:*")]
    stored = await client.hget(key, reminder().id)
    await client.hset(key, reminder().id, '{"id": 1, "schedule": {}, "from a later version": 1}')
    assert [held.reminder.id for held in await on_valkey.due(BOX, AT)] == [other.id]
    assert [one.id for one in await on_valkey.of("ana")] == [other.id]
    assert await on_valkey.find(reminder().id, owner="ana") is None
    await client.hset(key, reminder().id, stored)
    assert [held.reminder.id for held in await on_valkey.due(BOX, AT)] == [other.id]
    ids = {held.reminder.id for held in await on_valkey.due(BOX, AT + timedelta(hours=1))}
    assert ids == {reminder().id, other.id}
    await client.hset(key, reminder().id, "cut o")
    await on_valkey.erase(owner="ana")
    assert await on_valkey.due(BOX, AT + timedelta(days=1)) == []


async def test_what_was_missed_while_nothing_ran_comes_once(on_valkey: RedisReminders) -> None:
    await on_valkey.put(reminder(rule="FREQ=DAILY"))
    much_later = AT + timedelta(days=5, hours=1)
    (held,) = await on_valkey.due(BOX, much_later)
    assert await on_valkey.advance(held, much_later)
    assert await on_valkey.due(BOX, much_later) == []
    assert (await on_valkey.of("ana"))[0].schedule.at == AT + timedelta(days=6)


async def test_one_that_another_process_advances_while_it_is_read_is_not_due(
    on_valkey: RedisReminders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that reads it then would show tomorrow's today."""
    await on_valkey.put(reminder(rule="FREQ=DAILY"))
    (held,) = await on_valkey.due(BOX, AT)
    client = await on_valkey.client()
    read = client.zrangebyscore

    async def read_and_advance(*given: Any, **options: Any) -> Any:
        members = await read(*given, **options)
        assert await on_valkey.advance(held, AT)
        return members

    monkeypatch.setattr(client, "zrangebyscore", read_and_advance)
    assert await on_valkey.due(BOX, AT) == []


async def test_a_turn_that_runs_again_sets_nothing_again(on_valkey: RedisReminders) -> None:
    first = await on_valkey.put(reminder())
    assert await on_valkey.put(reminder()) is None
    assert first is not None
    await on_valkey.end(first.id, owner="ana")
    assert await on_valkey.put(reminder()) is None
    assert await on_valkey.of("ana") == []


async def test_one_that_is_moved_while_it_is_due_does_not_come_at_the_former_time(
    on_valkey: RedisReminders,
) -> None:
    await on_valkey.put(reminder())
    (held,) = await on_valkey.due(BOX, AT)
    later = Schedule.starting(FIRST + timedelta(hours=1), ZONE)
    moved = await on_valkey.move(held.reminder.id, later, owner="ana")
    assert moved is not None
    assert moved.ring != held.reminder.ring
    assert not await on_valkey.advance(held, AT)
    assert await on_valkey.due(BOX, AT) == []
    (again,) = await on_valkey.due(BOX, AT + timedelta(hours=1))
    assert again.reminder == moved
    await on_valkey.advance(again, AT + timedelta(hours=1))
    assert await on_valkey.move(moved.id, later, owner="ana") is None


async def test_nobody_ends_or_sees_anothers(on_valkey: RedisReminders) -> None:
    mine, theirs = reminder("t1", "ana"), reminder("t2", "bob")
    await on_valkey.put(mine)
    await on_valkey.put(theirs)
    assert [one.owner for one in await on_valkey.of("bob")] == ["bob"]
    assert not await on_valkey.end(mine.id, owner="bob")
    assert await on_valkey.find(mine.id, owner="bob") is None
    assert len(await on_valkey.due(BOX, AT)) == 2


async def test_an_event_is_offered_once_and_again_by_the_same_turn_only(store: RedisReminders) -> None:
    first, second = reminder("t1"), reminder("t2")
    assert await store.offer(first, "2027-03-14")
    assert not await store.offer(second, "2027-03-14")
    assert await store.offer(first, "2027-03-14")
    assert await store.offer(second, "2027-03-15")
    assert await store.offered(first.id, owner="ana") == first
    assert await store.offered(first.id, owner="bob") is None
    assert await store.of("ana") == []


async def test_an_erased_owner_leaves_nothing_and_the_others_stay(store: RedisReminders) -> None:
    for turn, owner in (("t1", "ana"), ("t2", "bob")):
        await store.put(reminder(turn, owner))
        await store.offer(reminder(turn, owner), "2027-03-14")
    await store.erase(owner="ana")
    assert await store.of("ana") == []
    assert await store.offered(reminder_id("t1"), owner="ana") is None
    assert [held.reminder.owner for held in await store.due(BOX, AT)] == ["bob"]


async def test_a_forgotten_turn_takes_its_reminder_along(on_valkey: RedisReminders) -> None:
    for turn in ("t1", "t2"):
        await on_valkey.put(reminder(turn))
        await on_valkey.offer(reminder(turn), turn)
    await on_valkey.forget(["t1"], owner="ana")
    assert [one.id for one in await on_valkey.of("ana")] == [reminder_id("t2")]
    assert await on_valkey.offered(reminder_id("t1"), owner="ana") is None
    assert len(await on_valkey.due(BOX, AT)) == 1


async def test_reminders_are_unavailable_without_a_server() -> None:
    async with connected("redis://127.0.0.1:1") as connection:
        with pytest.raises(TierUnavailable):
            await RedisReminders(connection.client).of("ana")
