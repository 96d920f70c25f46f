"""The inbox on every Redis that the bot may be given."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

import pytest

from bot.telegram.inbox.lane_scripts import DEAD_KEPT
from bot.telegram.inbox.lanes import Arrival, Claim, LaneLost, Lanes
from bot.telegram.turn_records import BotKeys
from memory.errors import TierUnavailable
from tests.contract.redis_servers import connected

LEASE = 60.0


@contextlib.asynccontextmanager
async def lanes_at(url: str) -> AsyncIterator[Lanes]:
    async with connected(url) as connection:
        yield Lanes(connection.client, BotKeys(7), lease=LEASE)


@pytest.fixture
async def lanes(any_redis_url: str) -> AsyncIterator[Lanes]:
    async with lanes_at(any_redis_url) as opened:
        yield opened


@pytest.fixture
async def on_valkey(valkey_url: str) -> AsyncIterator[Lanes]:
    async with lanes_at(valkey_url) as opened:
        yield opened


def arrival(update_id: int, lane: str = "1:0") -> Arrival:
    return Arrival(update_id, lane, json.dumps({"update_id": update_id}).encode())


@dataclass(slots=True)
class Passing:
    """A clock of the test's own, on this machine and on the server."""

    lanes: Lanes
    now: float = 0.0

    async def wait(self, seconds: float) -> None:
        """Let time pass: what is due at some time is due so much earlier."""
        self.now += seconds
        client, due = await self.lanes.client(), self.lanes.keys("due")
        for lane in cast("list[bytes]", await client.zrange(due, 0, -1)):
            await client.zincrby(due, -1000 * seconds, lane)


@pytest.fixture
def passing(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> Passing:
    clock = Passing(lanes)
    monkeypatch.setattr("bot.telegram.inbox.lanes.clock", lambda: clock.now)
    return clock


async def claimed(lanes: Lanes) -> Claim:
    claim = await lanes.claim()
    assert claim is not None
    return claim


def number(claim: Claim) -> int:
    return int(json.loads(claim.update)["update_id"])


async def test_an_update_is_taken_in_once_and_stays_until_it_is_done(lanes: Lanes) -> None:
    assert await lanes.put([arrival(1), arrival(2), arrival(1)]) == 2
    assert await lanes.put([arrival(2)]) == 0
    first = await claimed(lanes)
    assert (number(first), first.tries, first.lane, first.is_held) == (1, 1, "1:0", True)
    assert await lanes.claim() is None
    assert await lanes.done(first)
    second = await claimed(lanes)
    assert number(second) == 2
    assert await lanes.done(second)
    assert await lanes.waiting() == 0
    assert await lanes.put([arrival(1)]) == 0


async def test_a_lane_is_taken_over_when_its_lease_ends_and_not_by_whoever_slept(
    lanes: Lanes, passing: Passing
) -> None:
    await lanes.put([arrival(1)])
    asleep = await claimed(lanes)
    await passing.wait(LEASE / 2)
    assert asleep.is_held
    assert await lanes.claim() is None
    await passing.wait(LEASE / 2 + 1)
    assert not asleep.is_held
    awake = await claimed(lanes)
    assert (number(awake), awake.tries) == (1, 2)
    assert not await lanes.renew(asleep)
    assert not await lanes.done(asleep)
    assert not await lanes.put_off(asleep, 0, counted=True)
    assert not await lanes.bury(asleep, "late")
    assert await lanes.renew(awake)
    assert await lanes.done(awake)


async def test_a_renewed_lease_holds(lanes: Lanes, passing: Passing) -> None:
    await lanes.put([arrival(1)])
    claim = await claimed(lanes)
    for _ in range(4):
        await passing.wait(LEASE / 2)
        assert await lanes.renew(claim)
        assert await lanes.claim() is None
    assert claim.is_held


async def test_what_is_put_off_comes_back_first_in_its_lane(lanes: Lanes, passing: Passing) -> None:
    await lanes.put([arrival(1), arrival(2)])
    claim = await claimed(lanes)
    assert await lanes.put_off(claim, 60, counted=True)
    assert await lanes.claim() is None
    await passing.wait(61)
    again = await claimed(lanes)
    assert (number(again), again.tries, again.first) == (1, 2, False)
    assert await lanes.put_off(again, 0, counted=False)
    third = await claimed(lanes)
    assert (number(third), third.tries, third.first) == (1, 2, False)
    assert await lanes.done(third)
    fourth = await claimed(lanes)
    assert (number(fourth), fourth.tries, fourth.first) == (2, 1, True)
    assert await lanes.put_off(fourth, 0, counted=False)
    fifth = await claimed(lanes)
    assert (number(fifth), fifth.tries, fifth.first) == (2, 1, False)


async def test_a_buried_update_is_listed_and_its_lane_goes_on(lanes: Lanes) -> None:
    await lanes.put([arrival(1), arrival(2)])
    assert await lanes.bury(await claimed(lanes), "it crashed")
    (dead,) = await lanes.dead()
    assert dead["reason"] == "it crashed"
    assert json.loads(dead["update"]) == {"update_id": 1}
    assert number(await claimed(lanes)) == 2


async def test_a_chat_that_bursts_does_not_hold_up_the_others(on_valkey: Lanes) -> None:
    await on_valkey.put([arrival(number, "burst") for number in range(1, 51)])
    await on_valkey.put([arrival(100 + number, f"chat {number}") for number in range(5)])
    order = []
    while (claim := await on_valkey.claim()) is not None:
        order.append(claim.lane)
        await on_valkey.done(claim)
    assert len(order) == 55
    assert set(order[:6]) == {"burst", *(f"chat {number}" for number in range(5))}


async def test_many_workers_keep_the_order_of_each_lane(on_valkey: Lanes) -> None:
    per_lane, done = 40, Counter[str]()
    await on_valkey.put([arrival(lane * 1000 + n, str(lane)) for n in range(per_lane) for lane in range(6)])

    async def work() -> None:
        while sum(done.values()) < 6 * per_lane:
            claim = await on_valkey.claim()
            if claim is None:
                await on_valkey.wait(0.05)
                continue
            assert number(claim) == int(claim.lane) * 1000 + done[claim.lane]
            done[claim.lane] += 1
            assert await on_valkey.done(claim)

    async with asyncio.timeout(120):
        await asyncio.gather(*(work() for _ in range(8)))
    assert set(done.values()) == {per_lane}


async def test_the_bell_wakes_who_waits(on_valkey: Lanes) -> None:
    waiting = asyncio.create_task(on_valkey.wait(0))  # for ever
    await asyncio.sleep(0.05)
    await on_valkey.put([arrival(1)])
    async with asyncio.timeout(60):
        await waiting


async def test_the_dead_are_bounded(on_valkey: Lanes) -> None:
    await on_valkey.put([arrival(number) for number in range(DEAD_KEPT + 5)])
    for _ in range(DEAD_KEPT + 5):
        await on_valkey.bury(await claimed(on_valkey), "x")
    assert len(await on_valkey.dead()) == DEAD_KEPT


async def test_the_dead_are_tried_again_or_dropped(lanes: Lanes) -> None:
    await lanes.put([arrival(number) for number in (1, 2, 3)])
    for _ in range(2):
        await lanes.bury(await claimed(lanes), "x")
    assert await lanes.retry_dead() == 2
    for expected in (3, 1, 2):
        claim = await claimed(lanes)
        assert number(claim) == expected
        await lanes.bury(claim, "again")
    assert await lanes.drop_dead() == 3
    assert await lanes.dead() == []


async def test_a_dead_update_that_cannot_be_queued_again_is_not_lost(on_valkey: Lanes) -> None:
    await on_valkey.put([arrival(1)])
    await on_valkey.bury(await claimed(on_valkey), "x")
    client, seen = await on_valkey.client(), on_valkey.keys("seen", 0)
    await client.delete(seen)
    await client.rpush(seen, "no bitmap")
    with pytest.raises(TierUnavailable):
        await on_valkey.retry_dead()
    await client.delete(seen)
    assert await on_valkey.retry_dead() == 1
    assert number(await claimed(on_valkey)) == 1
    assert await on_valkey.dead() == []


async def test_bots_do_not_share_lanes(on_valkey: Lanes) -> None:
    await on_valkey.put([arrival(1)])
    other = Lanes(on_valkey.client, BotKeys(8), lease=LEASE)
    assert await other.claim() is None
    assert await other.put([arrival(1)]) == 1


async def test_without_redis_nothing_is_taken_in() -> None:
    async with lanes_at("redis://127.0.0.1:1") as lanes:
        with pytest.raises(TierUnavailable):
            await lanes.put([arrival(1)])


async def test_updates_bound_to_the_first_leave_with_it_and_no_others(lanes: Lanes) -> None:
    await lanes.put([arrival(number) for number in range(1, 5)])
    claim = await claimed(lanes)
    assert await lanes.behind(claim, 2) == (None, [arrival(2).update, arrival(3).update])
    await lanes.bind(claim, [2, 4])
    await lanes.bind(claim, [2, 3])
    assert await lanes.put_off(claim, 0.0, counted=False)
    again = await claimed(lanes)
    assert (await lanes.behind(again, 9))[0] == [2, 4]
    again.bound = [arrival(2).update, arrival(4).update]
    assert await lanes.done(again)
    last = await claimed(lanes)
    assert number(last) == 3
    assert await lanes.behind(last, 9) == (None, [])


async def test_updates_bound_to_a_dead_one_are_handled_by_themselves(lanes: Lanes) -> None:
    await lanes.put([arrival(1), arrival(2)])
    claim = await claimed(lanes)
    await lanes.bind(claim, [2])
    claim.bound = [arrival(2).update]
    assert await lanes.bury(claim, "broken")
    assert number(await claimed(lanes)) == 2


async def test_who_lost_a_lane_binds_nothing(lanes: Lanes, passing: Passing) -> None:
    await lanes.put([arrival(1), arrival(2)])
    lost = await claimed(lanes)
    await passing.wait(LEASE + 1)
    held = await claimed(lanes)
    with pytest.raises(LaneLost):
        await lanes.bind(lost, [2])
    with pytest.raises(LaneLost):
        await lanes.behind(lost, 9)
    assert (await lanes.behind(held, 9))[0] is None
