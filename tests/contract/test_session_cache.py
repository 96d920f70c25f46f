"""What every session cache promises, and how the Redis one keeps generations from coming back."""

import asyncio
import itertools
import math
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from redis.asyncio import Redis
from redis.crc import key_slot

from memory.working.redis_cache import MAX_BYTES, RedisSessionCache
from memory.working.redis_connection import GetRedis
from tests.contract.redis_servers import connected

names = (
    st.sampled_from(["", "a", "a:b", "{a}", "}{", "a\nb", "generation", "é", "e\u0301", "\udc80"]) | st.text()
)


@pytest.fixture
def cache(client: GetRedis) -> RedisSessionCache:
    return RedisSessionCache(client)


async def store(
    cache: RedisSessionCache, value: bytes, *, owner: str = "ana", key: str = "q", ttl: float = 60
) -> int:
    generation = (await cache.get(key, owner=owner)).generation
    await cache.put(key, value, owner=owner, generation=generation, ttl=ttl)
    return generation


async def read(cache: RedisSessionCache, *, owner: str = "ana", key: str = "q") -> bytes | None:
    return (await cache.get(key, owner=owner)).value


class TestValues:
    async def test_a_miss_and_a_hit(self, cache: RedisSessionCache) -> None:
        assert await read(cache) is None
        await store(cache, b"found")
        assert await read(cache) == b"found"
        assert await read(cache, key="other") is None

    @pytest.mark.parametrize("value", [b"", b"\0\xff:12:", b"\r\n", random.Random(1).randbytes(MAX_BYTES)])
    async def test_bytes_come_back_as_they_were(self, cache: RedisSessionCache, value: bytes) -> None:
        await store(cache, value)
        assert await read(cache) == value

    async def test_a_larger_value_is_not_stored(self, cache: RedisSessionCache) -> None:
        await store(cache, b"x" * (MAX_BYTES + 1))
        assert await read(cache) is None


class TestIsolation:
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(first=st.tuples(names, names), second=st.tuples(names, names))
    async def test_nothing_crosses_owners_or_keys(
        self, cache: RedisSessionCache, raw: Redis, first: tuple[str, str], second: tuple[str, str]
    ) -> None:
        await raw.flushall()
        await store(cache, b"mine", owner=first[0], key=first[1])
        expected = b"mine" if first == second else None
        assert await read(cache, owner=second[0], key=second[1]) == expected
        if first[0] != second[0]:
            await cache.drop(owner=second[0])
            assert await read(cache, owner=first[0], key=first[1]) == b"mine"

    async def test_an_owners_keys_share_a_cluster_slot(self, cache: RedisSessionCache, raw: Redis) -> None:
        for key in ("a", "{b}", "c}"):
            await store(cache, b"1", owner="{x", key=key)
        keys = [key async for key in raw.scan_iter()]
        assert len(keys) == 4
        assert len({key_slot(key) for key in keys}) == 1


class TestGenerations:
    async def test_a_drop_makes_every_entry_a_miss(self, cache: RedisSessionCache) -> None:
        for key in ("a", "b"):
            await store(cache, b"old", key=key)
        await cache.drop(owner="ana")
        assert [await read(cache, key=key) for key in ("a", "b")] == [None, None]

    @pytest.mark.parametrize("read_between", [True, False])
    async def test_a_search_begun_before_a_drop_is_never_served(
        self, cache: RedisSessionCache, read_between: bool
    ) -> None:
        generation = (await cache.get("q", owner="ana")).generation
        await cache.drop(owner="ana")
        if read_between:
            await cache.get("q", owner="ana")
        await cache.put("q", b"stale", owner="ana", generation=generation, ttl=60)
        assert await read(cache) is None

    async def test_a_generation_that_vanished_does_not_come_back(
        self, cache: RedisSessionCache, raw: Redis
    ) -> None:
        seen = set()
        for _ in range(50):
            generation = await store(cache, b"old")
            seen.add(generation)
            [marker] = [key async for key in raw.scan_iter(match="*:generation")]
            await raw.delete(marker)
            await cache.put("q", b"older", owner="ana", generation=generation, ttl=60)
            assert await read(cache) is None
        assert len(seen) == 50

    async def test_a_result_that_is_kept_while_all_are_erased_leaves_nothing(
        self, cache: RedisSessionCache, raw: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        generation = (await cache.get("q", owner="ana")).generation

        async def scan(client: Redis, pattern: str) -> None:
            passed = [key async for key in client.scan_iter(match=pattern)]
            await cache.put("q", b"My secret", owner="ana", generation=generation, ttl=60)
            if passed:
                await client.unlink(*passed)

        monkeypatch.setattr("memory.working.redis_cache.unlink_matching", scan)
        await raw.set("goat:l25:{another}:q", b"x")
        await cache.erase(owner="ana")
        assert await raw.keys("*") == [b"goat:l25:{another}:q"]

    async def test_readers_and_writers_at_once_never_see_the_past(self, cache: RedisSessionCache) -> None:
        chance = random.Random(7)
        archive = [0, 0]
        """What is written, and what was written when the last drop had returned."""
        hits = 0

        async def pause() -> None:
            await asyncio.sleep(chance.random() * 0.002)

        async def write() -> None:
            for _ in range(60):
                await asyncio.sleep(chance.random() * 0.01)
                archive[0] += 1
                written = archive[0]
                await cache.drop(owner="ana")
                archive[1] = max(archive[1], written)

        async def search() -> None:
            nonlocal hits
            while not (writer.done() and hits):
                floor = archive[1]
                entry = await cache.get("q", owner="ana")
                if entry.value is not None:
                    hits += 1
                    assert int(entry.value) >= floor
                    continue
                await pause()
                found = archive[0]
                await pause()
                value = str(found).encode()
                await cache.put("q", value, owner="ana", generation=entry.generation, ttl=60)

        writer = asyncio.create_task(write())
        async with asyncio.timeout(100):
            await asyncio.gather(writer, *(search() for _ in range(4)))


class TestTimeToLive:
    async def test_an_entry_ends(self, cache: RedisSessionCache) -> None:
        await store(cache, b"brief", ttl=60)
        assert await read(cache) == b"brief"
        client = await cache.client()
        (entry,) = [key async for key in client.scan_iter("goat:l25:*") if b"generation" not in key]
        assert 0 < await client.pttl(entry) <= 60_000
        await client.pexpire(entry, 1)
        await asyncio.sleep(0.02)
        assert await read(cache) is None

    @pytest.mark.parametrize("ttl", [0.0, -1.0, math.nan])
    async def test_an_entry_without_time_is_not_stored(self, cache: RedisSessionCache, ttl: float) -> None:
        await store(cache, b"never", ttl=ttl)
        assert await read(cache) is None

    @pytest.mark.parametrize("ttl", [1e-9, 30.0, 1e12, math.inf])
    async def test_nothing_stays_for_ever_and_the_generation_stays_longest(
        self, cache: RedisSessionCache, raw: Redis, ttl: float
    ) -> None:
        await store(cache, b"x", ttl=ttl)
        left = {key.endswith(b":generation"): await raw.pttl(key) async for key in raw.scan_iter()}
        assert left.pop(True) > 24 * 60 * 60 * 1000
        assert all(entry == -2 or 0 <= entry <= 24 * 60 * 60 * 1000 for entry in left.values())


class CountingRedis(Redis):
    """Counts its round trips."""

    trips = 0

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        self.trips += 1
        return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


class TestCost:
    async def test_each_call_is_one_round_trip(self, redis_url: str) -> None:
        counting = CountingRedis(unix_socket_path=redis_url.removeprefix("unix://"))

        async def connect() -> Redis:
            return counting

        cache = RedisSessionCache(connect)
        generation = await store(cache, b"warm")
        trips = [counting.trips]
        for call in (
            cache.get("q", owner="ana"),
            cache.put("q", b"1", owner="ana", generation=generation, ttl=9),
            cache.drop(owner="ana"),
        ):
            await call
            trips.append(counting.trips)
        await counting.aclose()
        assert [after - before for before, after in itertools.pairwise(trips)] == [1, 1, 1]


async def test_a_cluster_does_as_well(cluster_url: str) -> None:
    async with connected(cluster_url) as connection:
        cache = RedisSessionCache(connection.client)
        for owner in ("ana", "dan", "{x", ""):
            await store(cache, owner.encode(), owner=owner)
        await cache.drop(owner="dan")
        assert [await read(cache, owner=owner) for owner in ("ana", "dan", "{x", "")] == [
            b"ana",
            None,
            b"{x",
            b"",
        ]
