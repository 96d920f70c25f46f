"""What every conversation store promises, and what the Redis one does about cost, bad records and loss."""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from redis.asyncio import Redis
from redis.crc import key_slot

from memory.errors import TierUnavailable
from memory.models import ConversationTurn
from memory.provenance import Carrier, Part
from memory.working.redis_connection import GetRedis
from memory.working.redis_conversation import RedisConversation
from tests.contract.redis_servers import connected
from tests.servers.redis import BINARIES, running

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOME = {"owner": "ana", "thread": "chat"}
HOSTILE = ["", "a", "a:b", "{a}", "}{", "a b", "a\nb", "a\0b", "*", "é", "e\u0301", "\udc80", "ș" * 300, "🐐"]
names = st.sampled_from(HOSTILE) | st.text(max_size=8)
on_server = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def make(number: int, *, tokens: int = 10, words: str = "said") -> ConversationTurn:
    return ConversationTurn(
        turn_id=f"turn_{number}",
        message=f"{words} {number}",
        reply=f"answered {number}",
        at=NOON + timedelta(seconds=number),
        tokens=tokens,
    )


async def fill(store: RedisConversation, count: int, *, owner: str = "ana", thread: str = "chat") -> None:
    for number in range(count):
        assert await store.append(make(number), owner=owner, thread=thread)


async def ids(store: RedisConversation, *, owner: str = "ana", thread: str = "chat") -> list[str]:
    return [turn.turn_id for turn in await store.window(owner=owner, thread=thread, max_tokens=10**9)]


def turn_ids(*numbers: int) -> list[str]:
    return [f"turn_{number}" for number in numbers]


def lasting(binary: str, folder: Path) -> AbstractAsyncContextManager[str]:
    """Run a server that finds its data again; it ends by SIGKILL.

    It leaves it to the kernel to bring its file to the disk: where it does so itself each second, a busy disk
    holds its writes back, and a kill takes up to two seconds of them along.
    """
    socket = f"{folder}/redis.sock"
    lasting_file = ("--appendonly", "yes", "--appendfsync", "no")
    flags = ("--port", "0", "--unixsocket", socket, "--dir", str(folder), *lasting_file)
    return running(BINARIES[binary](), *flags, ping=f"unix://{socket}")


@pytest.fixture
def store(client: GetRedis) -> RedisConversation:
    return RedisConversation(client)


class TestTurns:
    async def test_an_unknown_thread_is_empty(self, store: RedisConversation) -> None:
        assert await store.window(**HOME, max_tokens=1000) == []
        assert await store.opening(**HOME) is None

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "nul \0 inside",
            "🐐 și ștrengar",
            "lone \udc80",
            'say "x" \\ {1}',
            "line\r\nline",
            "ș" * 500_000,
        ],
    )
    async def test_text_comes_back_as_it_was(self, store: RedisConversation, text: str) -> None:
        turn = ConversationTurn(
            turn_id=f"id {text[:20]}",
            message=text,
            reply=text,
            at=datetime(2026, 3, 1, 2, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2))),
            evidence=(text, "clock: 12:00"),
            parts=(Part(text=text, carrier=Carrier.DOCUMENT, source=text),),
            tokens=7,
            in_vain={text: (0.1 + 0.2, 3)},
        )
        assert await store.append(turn, **HOME)
        assert await store.window(**HOME, max_tokens=10) == [turn]
        assert await store.opening(**HOME) == turn

    async def test_turns_stand_in_the_order_of_their_arrival(self, store: RedisConversation) -> None:
        for number in (3, 1, 2, 10, 0):
            await store.append(make(number), **HOME)
        assert await ids(store) == turn_ids(3, 1, 2, 10, 0)

    async def test_the_first_turn_of_an_id_stands(self, store: RedisConversation) -> None:
        await fill(store, 3)
        for number in range(3):
            assert not await store.append(make(number, words="changed"), **HOME)
        assert await store.window(**HOME, max_tokens=1000) == [make(0), make(1), make(2)]

    async def test_two_writers_lose_nothing(self, redis_url: str, store: RedisConversation) -> None:
        async def write(name: str, writer: RedisConversation) -> int:
            added = 0
            for number in range(100):
                added += await writer.append(make(number, words=name), **HOME)
                own = ConversationTurn(turn_id=f"{name}{number}", message=name, reply="", at=NOON, tokens=1)
                assert await writer.append(own, **HOME)
            return added

        async with connected(redis_url) as other:
            second = RedisConversation(other.client)
            assert sum(await asyncio.gather(write("a", store), write("b", second))) == 100
        found = await ids(store)
        assert len(found) == len(set(found)) == 300
        for name in ("turn_", "a", "b"):
            assert [one for one in found if one.startswith(name)] == [f"{name}{n}" for n in range(100)]

    async def test_scripts_that_the_server_forgot_are_sent_again(
        self, store: RedisConversation, raw: Redis
    ) -> None:
        await fill(store, 1)
        await raw.script_flush()
        assert await store.append(make(1), **HOME)
        assert await ids(store) == turn_ids(0, 1)


class TestIsolation:
    @on_server
    @given(first=st.tuples(names, names), second=st.tuples(names, names))
    async def test_nothing_crosses_owners_or_threads(
        self, store: RedisConversation, raw: Redis, first: tuple[str, str], second: tuple[str, str]
    ) -> None:
        await raw.flushall()
        await fill(store, 2, owner=first[0], thread=first[1])
        expected = turn_ids(0, 1) if first == second else []
        assert await ids(store, owner=second[0], thread=second[1]) == expected
        assert await store.remove(turn_ids(0), owner=second[0], thread=second[1]) == len(expected[:1])
        if first[0] != second[0]:
            await store.erase(owner=second[0])
            assert await ids(store, owner=first[0], thread=first[1]) == turn_ids(0, 1)

    async def test_an_owners_keys_share_a_cluster_slot(self, store: RedisConversation, raw: Redis) -> None:
        for thread in HOSTILE:
            await fill(store, 1, owner="{x}:", thread=thread)
        keys = [key async for key in raw.scan_iter()]
        assert len(keys) == 3 * len(HOSTILE) + 1
        assert len({key_slot(key) for key in keys}) == 1


class TestWindow:
    @on_server
    @given(costs=st.lists(st.integers(0, 50), max_size=40), room=st.integers(-5, 400))
    async def test_it_is_the_longest_tail_that_fits(
        self, store: RedisConversation, raw: Redis, costs: list[int], room: int
    ) -> None:
        await raw.flushall()
        turns = [make(number, tokens=tokens) for number, tokens in enumerate(costs)]
        for turn in turns:
            await store.append(turn, **HOME)
        fitting = [n for n in range(len(turns) + 1) if sum(costs[len(turns) - n :]) <= room]
        length = max([*fitting, min(1, len(turns))])
        assert await store.window(**HOME, max_tokens=room) == turns[len(turns) - length :]

    @pytest.mark.parametrize("room", [0, 1, 9_999])
    async def test_the_latest_turn_is_always_there(self, store: RedisConversation, room: int) -> None:
        await fill(store, 3)
        await store.append(make(3, tokens=10_000), **HOME)
        assert await store.window(**HOME, max_tokens=room) == [make(3, tokens=10_000)]

    async def test_it_costs_the_window_and_not_the_history(
        self, store: RedisConversation, raw: Redis
    ) -> None:
        await fill(store, 30, thread="short")
        await fill(store, 300, thread="long")
        await store.window(owner="ana", thread="short", max_tokens=200)  # sends the script
        costs = []
        for thread in ("short", "long"):
            await raw.config_resetstat()
            assert len(await store.window(owner="ana", thread=thread, max_tokens=200)) == 20
            stats = await raw.info("commandstats")
            costs.append({name: stat["calls"] for name, stat in stats.items() if "config" not in name})
        assert costs[0] == costs[1]
        assert costs[0]["cmdstat_hget"] == 21
        assert costs[0]["cmdstat_zrevrange"] == 2
        assert "cmdstat_hgetall" not in costs[0]


class TestOpening:
    async def test_it_is_the_first_turn(self, store: RedisConversation) -> None:
        await fill(store, 5)
        assert await store.opening(**HOME) == make(0)

    async def test_it_outlives_trimming(self, client: GetRedis) -> None:
        store = RedisConversation(client, keep=3)
        await fill(store, 10)
        assert await store.opening(**HOME) == make(0)
        assert not await store.append(make(0), **HOME)
        assert await ids(store) == turn_ids(7, 8, 9)


class TestTrimming:
    async def test_only_the_latest_are_kept(self, client: GetRedis, raw: Redis) -> None:
        store = RedisConversation(client, keep=5)
        await fill(store, 12)
        assert await ids(store) == turn_ids(7, 8, 9, 10, 11)
        [turns] = [key async for key in raw.scan_iter(match="*:turns")]
        assert await raw.hlen(turns) == 5


class TestForgetting:
    async def test_removed_turns_are_gone(self, store: RedisConversation) -> None:
        await fill(store, 5)
        assert await store.remove([*turn_ids(1, 3, 3), "unknown"], **HOME) == 2
        assert await store.remove([], **HOME) == 0
        assert await ids(store) == turn_ids(0, 2, 4)
        await store.append(make(5), **HOME)
        assert await ids(store) == turn_ids(0, 2, 4, 5)

    async def test_a_removed_opening_is_followed_by_the_next(self, store: RedisConversation) -> None:
        await fill(store, 3)
        assert await store.remove(turn_ids(0), **HOME) == 1
        assert await store.opening(**HOME) == make(1)

    async def test_a_removed_opening_that_was_trimmed_is_not_made_up(self, client: GetRedis) -> None:
        store = RedisConversation(client, keep=2)
        await fill(store, 5)
        assert await store.remove(turn_ids(0), **HOME) == 1
        assert await store.opening(**HOME) is None
        await store.append(make(5), **HOME)
        assert await store.opening(**HOME) is None

    async def test_an_emptied_thread_leaves_nothing(self, store: RedisConversation, raw: Redis) -> None:
        await fill(store, 3)
        assert await store.remove(turn_ids(2, 1, 0), **HOME) == 3
        assert await raw.dbsize() == 0
        await store.append(make(7), **HOME)
        assert await store.opening(**HOME) == make(7)

    async def test_an_erased_owner_leaves_nothing(self, store: RedisConversation, raw: Redis) -> None:
        for thread in HOSTILE:
            await fill(store, 2, thread=thread)
        await fill(store, 2, owner="ana2")
        await store.erase(owner="ana")
        await store.erase(owner="nobody")
        assert await raw.dbsize() == 4
        assert await ids(store, owner="ana2") == turn_ids(0, 1)


class TestBadRecords:
    @pytest.mark.parametrize(
        "stored",
        ["secret", "3 secret", '3 {"message": "secret"}', "3 [1]", '3 {"message":"","reply":"","at":1}'],
    )
    async def test_one_is_left_out_and_named(
        self, store: RedisConversation, raw: Redis, caplog: pytest.LogCaptureFixture, stored: str
    ) -> None:
        await fill(store, 3)
        [turns] = [key async for key in raw.scan_iter(match="*:turns")]
        await raw.hset(turns, "turn_1", stored)
        with caplog.at_level(logging.WARNING):
            assert await ids(store) == turn_ids(0, 2)
        assert "turn_1" in caplog.text
        assert "secret" not in caplog.text


@pytest.mark.parametrize("binary", BINARIES)
class TestLoss:
    async def test_a_killed_server_is_unavailable_until_it_is_back(self, binary: str, tmp_path: Path) -> None:
        async with connected(f"unix://{tmp_path}/redis.sock") as connection:
            store = RedisConversation(connection.client)
            async with lasting(binary, tmp_path):
                await fill(store, 3)
            for call in (
                store.append(make(3), **HOME),
                store.window(**HOME, max_tokens=10),
                store.opening(**HOME),
                store.remove(["x"], **HOME),
                store.erase(owner="ana"),
            ):
                with pytest.raises(TierUnavailable):
                    await call
            async with lasting(binary, tmp_path):
                assert await store.append(make(3), **HOME)
                assert await ids(store) == turn_ids(0, 1, 2, 3)

    async def test_a_kill_in_the_middle_loses_no_confirmed_turn(self, binary: str, tmp_path: Path) -> None:
        confirmed = 0

        async def write(store: RedisConversation) -> None:
            nonlocal confirmed
            while True:
                await store.append(make(confirmed), **HOME)
                confirmed += 1

        async with connected(f"unix://{tmp_path}/redis.sock") as connection:
            store = RedisConversation(connection.client)
            async with lasting(binary, tmp_path):
                task = asyncio.create_task(write(store))
                await asyncio.sleep(0.1)
            with pytest.raises(TierUnavailable):
                await task
            async with lasting(binary, tmp_path):
                await store.append(make(confirmed), **HOME)
                assert await ids(store) == turn_ids(*range(confirmed + 1))


async def test_a_cluster_does_as_well(cluster_url: str) -> None:
    async with connected(cluster_url) as connection:
        store = RedisConversation(connection.client, keep=4)
        for owner in HOSTILE[:6]:
            for thread in HOSTILE[:3]:
                await fill(store, 6, owner=owner, thread=thread)
        assert await ids(store, owner="a", thread="a:b") == turn_ids(2, 3, 4, 5)
        assert await store.opening(owner="a", thread="a:b") == make(0)
        assert await store.remove(turn_ids(0, 3), owner="a", thread="a:b") == 2
        await store.erase(owner="a")
        assert await ids(store, owner="a", thread="a:b") == []
        assert await ids(store, owner="", thread="a:b") == turn_ids(2, 3, 4, 5)
