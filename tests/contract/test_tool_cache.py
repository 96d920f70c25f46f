"""What a tool answered is found again by its arguments, by its owner alone, and not for ever."""

import asyncio

import pytest

from memory.errors import TierUnavailable
from memory.working.redis_cache import MAX_BYTES, RedisToolCache
from memory.working.redis_connection import GetRedis
from tests.contract.redis_servers import connected


@pytest.fixture
def cache(client: GetRedis) -> RedisToolCache:
    return RedisToolCache(client)


async def test_an_output_is_found_by_tool_and_arguments(cache: RedisToolCache) -> None:
    await cache.put("fetch", {"url": "http://a", "depth": 1}, b"page", owner="ana", ttl=60)
    assert await cache.get("fetch", {"depth": 1, "url": "http://a"}, owner="ana") == b"page"
    assert await cache.get("fetch", {"url": "http://a", "depth": 2}, owner="ana") is None
    assert await cache.get("browse", {"url": "http://a", "depth": 1}, owner="ana") is None
    assert await cache.get("fetch", {"url": "http://a", "depth": 1}, owner="bob") is None


async def test_an_output_ends_with_its_time_to_live(cache: RedisToolCache) -> None:
    await cache.put("fetch", {}, b"page", owner="ana", ttl=0.05)
    await asyncio.sleep(0.1)
    assert await cache.get("fetch", {}, owner="ana") is None


async def test_outputs_are_dropped_and_marks_of_calls_stay(cache: RedisToolCache) -> None:
    for owner in ("ana", "bob"):
        await cache.put("fetch", {"n": 1}, b"page", owner=owner, ttl=60)
        assert await cache.claim("key", "started", owner=owner) == ""
    await cache.drop(owner="ana")
    assert await cache.get("fetch", {"n": 1}, owner="ana") is None
    assert await cache.get("fetch", {"n": 1}, owner="bob") == b"page"
    assert await cache.claim("key", "started", owner="ana") == "started"


async def test_what_is_too_large_or_has_no_time_is_not_kept(cache: RedisToolCache) -> None:
    await cache.put("fetch", {"n": 1}, b"x" * (MAX_BYTES + 1), owner="ana", ttl=60)
    await cache.put("fetch", {"n": 2}, b"x", owner="ana", ttl=0)
    assert await cache.get("fetch", {"n": 1}, owner="ana") is None
    assert await cache.get("fetch", {"n": 2}, owner="ana") is None


async def test_a_server_that_is_down_is_named() -> None:
    async with connected("redis://127.0.0.1:1") as connection:
        with pytest.raises(TierUnavailable):
            await RedisToolCache(connection.client).get("fetch", {}, owner="ana")
