"""What turns add up to in Redis: nothing twice, nothing of another owner, nothing for ever."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from memory.errors import TierUnavailable
from memory.models import Outcome
from memory.observation.figures import TURN
from memory.working.redis_metrics import DAYS_KEPT, RedisMetrics
from tests.contract.redis_servers import connected
from tests.observations import AT, observation

NOW = AT + timedelta(hours=1)
TODAY = AT.date()


@pytest.fixture
async def metrics(any_redis_url: str) -> AsyncIterator[RedisMetrics]:
    async with connected(any_redis_url) as connection:
        yield RedisMetrics(connection.client)


async def keys(metrics: RedisMetrics) -> list[str]:
    client = await metrics.client()
    return [key.decode() async for key in client.scan_iter()]


async def test_a_turn_is_counted_once_however_often_it_is_added(metrics: RedisMetrics) -> None:
    added = await asyncio.gather(*(metrics.add(observation("t1"), now=NOW) for _ in range(5)))
    assert sorted(added) == [False, False, False, False, True]
    await metrics.add(observation("t2", outcome=Outcome.FAILED, milliseconds=10.0), now=NOW)
    read = await metrics.read(7, today=TODAY)
    assert (read.whole.turns, read.whole.outcomes) == (2, {"answered": 1, "failed": 1})
    assert (read.whole.stages[TURN].count, read.whole.stages[TURN].most) == (2, 930.0)
    assert (read.whole.tokens_memory, read.whole.tool_calls, read.whole.injected) == (84, 4, 2)


async def test_days_are_told_apart_and_added_up(metrics: RedisMetrics) -> None:
    await metrics.add(observation("t1"), now=NOW)
    await metrics.add(observation("t2", at=AT - timedelta(days=2), milliseconds=50.0), now=NOW)
    await metrics.add(observation("t3", at=AT - timedelta(days=20)), now=NOW)
    read = await metrics.read(3, today=TODAY)
    assert [figures.turns for figures in read.days.values()] == [1, 0, 1]
    assert list(read.days)[-1] == TODAY
    assert (read.whole.turns, read.whole.stages[TURN].most) == (2, 930.0)
    assert (await metrics.read(1000, today=TODAY)).whole.turns == 3
    assert (await metrics.read(0, today=TODAY)).whole.turns == 1


async def test_an_owner_sees_only_their_own(metrics: RedisMetrics) -> None:
    await metrics.add(observation("t1"), now=NOW)
    await metrics.add(observation("t1", owner="bob"), now=NOW)
    await metrics.add(observation("t2", owner=""), now=NOW)
    assert (await metrics.read(1, today=TODAY)).whole.turns == 3
    for owner, turns in {"ana": 1, "bob": 1, "": 1, "eve": 0}.items():
        assert (await metrics.read(1, owner=owner, today=TODAY)).whole.turns == turns


async def test_neither_names_nor_ids_of_turns_stand_in_redis(metrics: RedisMetrics) -> None:
    await metrics.add(observation("telegram-turn-9", owner="ana-maria", thread="thread-77"), now=NOW)
    client = await metrics.client()
    stored = []
    for key in await keys(metrics):
        seen = key.endswith(":seen")
        stored.append(f"{key} {await (client.smembers(key) if seen else client.hgetall(key))}")
    assert len(stored) == 3
    assert not any(word in line for line in stored for word in ("ana-maria", "telegram-turn", "thread-77"))


async def test_an_erased_owner_leaves_nothing_of_their_own(metrics: RedisMetrics) -> None:
    today = NOW.today().astimezone()
    await metrics.add(observation("t1", at=today))
    await metrics.add(observation("t2", at=today - timedelta(days=DAYS_KEPT - 2)))
    await metrics.add(observation("t3", at=today, owner="bob"))
    await metrics.erase(owner="ana")
    assert (await metrics.read(DAYS_KEPT, owner="ana")).whole.turns == 0
    assert (await metrics.read(DAYS_KEPT, owner="bob")).whole.turns == 1
    assert (await metrics.read(DAYS_KEPT)).whole.turns == 3
    assert len(await keys(metrics)) == 4


async def test_everything_ends(metrics: RedisMetrics) -> None:
    assert not await metrics.add(observation("old", at=AT - timedelta(days=DAYS_KEPT + 2)), now=NOW)
    assert await keys(metrics) == []
    await metrics.add(observation("t1", at=NOW.today().astimezone()))
    client = await metrics.client()
    lives = {key: await client.ttl(key) for key in await keys(metrics)}
    assert len(lives) == 3
    assert all(0 < seconds <= (DAYS_KEPT + 2) * 86_400 for seconds in lives.values())
    assert min(lives.values()) <= 7 * 86_400


async def test_a_server_that_is_down_is_named() -> None:
    async with connected("redis://127.0.0.1:1") as connection:
        with pytest.raises(TierUnavailable):
            await RedisMetrics(connection.client).read(1)
