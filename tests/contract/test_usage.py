"""Use of the model by day, on every Redis that the agent may be given."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest

from memory.working.redis_usage import DayBudget, RedisUsage, Usage
from tests.contract.redis_servers import connected

TODAY = date(2026, 11, 23)


@pytest.fixture
async def usage(any_redis_url: str) -> AsyncIterator[RedisUsage]:
    async with connected(any_redis_url) as connection:
        yield RedisUsage(connection.client)


async def test_requests_are_admitted_up_to_the_budget_and_each_turn_counts_once(usage: RedisUsage) -> None:
    budget = DayBudget(requests=2)
    asked = ["t1", "t1", "t2", "t3", "t3", "t1"]
    found = [await usage.admit(turn, budget, owner="ana", day=TODAY) for turn in asked]
    assert found == [True, True, True, False, False, True]
    assert await usage.of(TODAY, owner="ana") == Usage(requests=2)
    assert await usage.admit("t4", budget, owner="bob", day=TODAY)
    assert await usage.admit("t5", budget, owner="ana", day=TODAY + timedelta(days=1))


async def test_tokens_end_the_day_too_and_no_limit_never_does(usage: RedisUsage) -> None:
    for _ in range(2):
        await usage.add_tokens(60, owner="ana", day=TODAY)
    assert await usage.admit("t1", DayBudget(), owner="ana", day=TODAY)
    assert await usage.admit("t2", DayBudget(tokens=121), owner="ana", day=TODAY)
    assert not await usage.admit("t3", DayBudget(tokens=120), owner="ana", day=TODAY)
    assert DayBudget(tokens=150, requests=3).share(await usage.of(TODAY, owner="ana")) == pytest.approx(0.8)


async def test_one_turn_a_day_is_told_that_little_is_left(usage: RedisUsage) -> None:
    told = [await usage.is_told(turn, owner="ana", day=TODAY) for turn in ("t1", "t2", "t1")]
    assert told == [True, False, True]


async def test_who_is_erased_keeps_the_budget_of_the_day_and_nothing_else(usage: RedisUsage) -> None:
    yesterday = TODAY - timedelta(days=1)
    for owner in ("ana", "bob"):
        for day in (yesterday, TODAY):
            await usage.add_tokens(5, owner=owner, day=day)
    await usage.erase(TODAY, owner="ana")
    assert await usage.days(TODAY, 2, owner="ana") == {yesterday: Usage(), TODAY: Usage(tokens=5)}
    assert (await usage.days(TODAY, 2, owner="bob"))[yesterday] == Usage(tokens=5)
