"""Copies of all keys between Redis servers of different kinds."""

import pytest

from memory.errors import TierUnavailable
from memory.working.redis_copy import copy_keys
from tests.contract.redis_servers import CLUSTER, RedisServers, connected
from tests.servers.redis import BINARIES

TARGETS = [kind for kind in (*BINARIES, CLUSTER) if kind != "valkey"]


@pytest.fixture(params=TARGETS)
def target_url(request: pytest.FixtureRequest, redis_servers: RedisServers) -> str:
    return redis_servers.empty(request.param)


async def test_every_kind_of_key_is_copied_once_and_other_content_is_refused(
    valkey_url: str, target_url: str
) -> None:
    async with connected(valkey_url) as source, connected(target_url) as target:
        one, other = await source.client(), await target.client()
        await one.set("goat:a", b"\x00\xff", px=10**9)
        await one.set("goat:empty", b"")
        await one.hset("goat:b", mapping={b"\xfe": "1", "n": 2})
        await one.rpush("goat:c", "x", "y", "x")
        await one.sadd("goat:d", "x", "y")
        await one.zadd("goat:e", {"x": 1.5, "y": -(2.0**53)})
        await one.setbit("goat:f", 65_535, 1)
        await one.set("others", "1")
        for number in range(120):
            await one.set(f"goat:many:{number}", number)
        assert await copy_keys(source, target) == await copy_keys(source, target) == 127
        assert await other.get("goat:a") == b"\x00\xff"
        assert 0 < await other.pttl("goat:a") <= 10**9
        assert await other.pttl("goat:b") == -1
        assert await other.hgetall("goat:b") == {b"\xfe": b"1", b"n": b"2"}
        assert await other.lrange("goat:c", 0, -1) == [b"x", b"y", b"x"]
        assert await other.zscore("goat:e", "y") == -(2.0**53)
        assert await other.getbit("goat:f", 65_535)
        assert not await other.exists("others")
        await other.rpush("goat:c", "z")
        with pytest.raises(TierUnavailable, match="other data under 'goat:c'"):
            await copy_keys(source, target)
        assert await other.llen("goat:c") == 4
        await copy_keys(source, target, replace=True)
        assert await other.llen("goat:c") == 3


async def test_keys_that_the_source_lacks_are_refused_or_deleted(valkey_url: str, target_url: str) -> None:
    async with connected(valkey_url) as source, connected(target_url) as target:
        one, other = await source.client(), await target.client()
        await one.set("goat:a", "1")
        await other.set("goat:erased", "1")
        await other.set("others", "1")
        with pytest.raises(TierUnavailable, match="other data under 'goat:erased'"):
            await copy_keys(source, target)
        assert await other.exists("goat:erased")
        assert await copy_keys(source, target, replace=True) == 1
        assert not await other.exists("goat:erased")
        assert await other.exists("others")
