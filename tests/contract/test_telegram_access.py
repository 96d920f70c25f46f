"""Who may talk to the bot, on real servers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.telegram.access.access import CODE_SECONDS, DAY, HOUR, MINUTE, Access, Pairing, Role
from bot.telegram.turn_records import BotKeys
from memory.errors import TierUnavailable
from memory.working.redis_connection import RedisConnection
from tests.contract.redis_servers import connected

ANA, BOB, EVE = 101, 102, 666
GROUP, SUPERGROUP, LATER = -5, -1005, -1006
KEYS = BotKeys(777)


@pytest.fixture
async def access(any_redis_url: str) -> AsyncIterator[Access]:
    async with connected(any_redis_url) as connection:
        yield Access(connection.client, KEYS, frozenset({ANA}), 3)


async def test_nobody_may_but_those_of_the_configuration(access: Access) -> None:
    assert await access.role(ANA) is Role.ADMIN
    assert await access.role(BOB) is Role.STRANGER
    assert await access.people() == {}
    assert not await access.group_allowed(GROUP)


async def test_those_of_the_configuration_can_be_neither_allowed_nor_denied(access: Access) -> None:
    assert not await access.allow(ANA)
    assert not await access.deny(ANA)
    assert await access.role(ANA) is Role.ADMIN
    assert await access.people() == {}


async def test_who_is_allowed_may_until_denied(access: Access) -> None:
    assert await access.allow(BOB)
    assert not await access.allow(BOB, Role.ADMIN)
    assert await access.people() == {BOB: Role.ALLOWED}
    assert await access.deny(BOB)
    assert not await access.deny(BOB)
    assert await access.role(BOB) is Role.STRANGER
    assert await access.is_denied(BOB)
    assert await access.allow(BOB)
    assert not await access.is_denied(BOB)


async def test_an_update_that_comes_again_changes_nothing_more(access: Access) -> None:
    assert await access.allow(BOB, update_id=1)
    assert await access.deny(BOB, update_id=2)
    assert await access.allow(BOB, update_id=1)
    assert await access.role(BOB) is Role.STRANGER
    assert await access.deny(BOB, update_id=2)
    assert not await access.deny(BOB, update_id=3)
    assert await access.allow_group(GROUP, update_id=4)
    assert await access.allow_group(GROUP, update_id=4)
    assert not await access.allow_group(GROUP, update_id=5)
    assert await access.deny_group(GROUP, update_id=6)
    assert await access.allow_group(GROUP, update_id=4)
    assert not await access.group_allowed(GROUP)


async def test_an_allowance_moves_with_its_group(access: Access) -> None:
    assert not await access.migrate_group(GROUP, SUPERGROUP)
    assert not await access.group_allowed(SUPERGROUP)
    await access.allow_group(GROUP)
    assert await access.migrate_group(GROUP, SUPERGROUP)
    assert not await access.migrate_group(GROUP, SUPERGROUP)
    assert await access.group_allowed(SUPERGROUP)
    assert not await access.group_allowed(GROUP)
    assert await access.migrate_group(SUPERGROUP, LATER)
    assert [await access.first_id(id_) for id_ in (GROUP, SUPERGROUP, LATER)] == [GROUP] * 3
    assert await access.first_id(-7) == -7


async def test_a_code_holds_once(access: Access) -> None:
    code = await access.new_code()
    assert await access.pair(BOB, f" {code.lower()} ") is Pairing.PAIRED
    assert await access.role(BOB) is Role.ALLOWED
    assert await access.pair(EVE, code) is Pairing.WRONG
    assert await access.role(EVE) is Role.STRANGER


async def test_of_many_who_use_a_code_at_once_one_is_let_in(access: Access) -> None:
    code = await access.new_code(Role.ADMIN)
    outcomes = await asyncio.gather(*(access.pair(id_, code) for id_ in range(1, 21)))
    assert outcomes.count(Pairing.PAIRED) == 1
    assert list((await access.people()).values()) == [Role.ADMIN]


async def test_a_pairing_that_comes_again_has_the_same_outcome(access: Access) -> None:
    code = await access.new_code()
    assert await access.pair(BOB, code, update_id=1) is Pairing.PAIRED
    assert await access.pair(BOB, code, update_id=1) is Pairing.PAIRED
    assert await access.pair(BOB, code, update_id=2) is Pairing.WRONG
    await access.deny(BOB)
    assert await access.pair(BOB, code, update_id=1) is Pairing.PAIRED
    assert await access.role(BOB) is Role.STRANGER
    for _ in range(20):
        assert await access.pair(EVE, "WRONG", update_id=3) is Pairing.WRONG


async def test_a_code_makes_nobody_less(access: Access) -> None:
    await access.pair(BOB, await access.new_code(Role.ADMIN))
    assert await access.pair(BOB, await access.new_code()) is Pairing.PAIRED
    assert await access.role(BOB) is Role.ADMIN
    await access.allow(EVE)
    await access.pair(EVE, await access.new_code(Role.ADMIN))
    assert await access.role(EVE) is Role.ADMIN


async def test_a_code_lets_in_who_was_denied(access: Access) -> None:
    await access.deny(BOB)
    await access.pair(BOB, await access.new_code())
    assert not await access.is_denied(BOB)


async def test_guessing_ends_after_some_codes(access: Access) -> None:
    code = await access.new_code()
    guesses = [await access.pair(EVE, f"GUESS{n}", update_id=n) for n in range(7)]
    assert guesses == [Pairing.WRONG] * 5 + [Pairing.TOO_OFTEN] * 2
    again = replace(access)
    assert await again.pair(EVE, code, update_id=8) is Pairing.TOO_OFTEN
    assert await again.pair(BOB, code, update_id=9) is Pairing.PAIRED
    client = await access.client()
    assert 0 < await client.ttl(KEYS("wrong", EVE)) <= HOUR
    await client.delete(KEYS("wrong", EVE))
    assert await again.pair(EVE, await access.new_code(), update_id=10) is Pairing.PAIRED


async def test_a_code_expires_and_is_not_kept_itself(access: Access) -> None:
    code = await access.new_code()
    client = await access.client()
    names = [key async for key in client.scan_iter(KEYS("pair", "*"))]
    (name,) = names
    assert code.encode() not in name
    assert code.encode() not in (await client.get(name) or b"")
    assert 0 < await client.ttl(name) <= CODE_SECONDS
    await client.pexpire(name, 1)
    await asyncio.sleep(0.02)
    assert await access.pair(BOB, code) is Pairing.WRONG


async def test_no_odd_code_lets_in(access: Access) -> None:
    await access.new_code()
    codes = ["", " ", "*", "pair:*", "\ud800", "A" * 100_000, "ß", "\0", "{x}"]
    outcomes = {code: await access.pair(EVE + number, code) for number, code in enumerate(codes)}
    assert set(outcomes.values()) == {Pairing.WRONG}


async def test_something_is_said_once_in_a_while_and_again_for_the_same_update(access: Access) -> None:
    assert await access.first_time("stranger", EVE, 1)
    assert await access.first_time("stranger", EVE, 1)
    assert not await access.first_time("stranger", EVE, 2)
    assert await access.first_time("stranger", BOB, 2)
    assert await access.first_time("fast", EVE, 2, MINUTE)
    assert 0 < await (await access.client()).ttl(KEYS("told", "stranger", EVE)) <= DAY


async def test_the_rate_is_each_persons_own(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_800_000_010
    monkeypatch.setattr("bot.telegram.access.access.time.time", lambda: float(now))
    left = MINUTE - now % MINUTE
    waits = [await access.seconds_to_wait(BOB, n) for n in range(8)]
    assert waits == [0, 0, 0, left, left, left, left + MINUTE, left + MINUTE]
    assert await access.seconds_to_wait(EVE, 9) == 0
    assert await replace(access, rate=0).seconds_to_wait(BOB, 9) == 0


async def test_what_waited_while_the_bot_was_away_is_not_too_fast(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_800_000_010
    monkeypatch.setattr("bot.telegram.access.access.time.time", lambda: float(now))
    written = [now - 7 * 3600 + 250 * number for number in range(100)]
    assert [await access.seconds_to_wait(BOB, n, sent=at) for n, at in enumerate(written)] == [0] * 100
    at_once = [await access.seconds_to_wait(BOB, 200 + n, sent=now - 3600) for n in range(40)]
    assert at_once[:9] == [0] * 9
    assert at_once[-1] > 0
    assert {await access.seconds_to_wait(EVE, "album", sent=now) for _ in range(9)} == {0}
    future = [await access.seconds_to_wait(EVE, 300 + n, sent=now + 99 * n) for n in range(9)]
    assert future[-1] > 0


async def test_an_update_counts_once_and_keeps_its_place(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_800_000_010
    monkeypatch.setattr("bot.telegram.access.access.time.time", lambda: float(now))
    for number in range(6):
        await access.seconds_to_wait(BOB, number)
    assert await access.seconds_to_wait(BOB, 0) == 0
    assert await access.seconds_to_wait(BOB, 5) > 0
    now += MINUTE
    assert await access.seconds_to_wait(BOB, 5) == 0
    assert await access.seconds_to_wait(BOB, 6) > 0
    now += MINUTE
    assert await access.seconds_to_wait(BOB, 6) == 0
    assert 0 < await (await access.client()).ttl(KEYS("rate", BOB, 6)) <= DAY


async def test_strangers_leave_nothing_that_stays(access: Access) -> None:
    for number in range(20):
        await access.pair(EVE + number, f"GUESS{number}", update_id=number)
        await access.role(EVE + number)
        await access.first_time("stranger", EVE + number, number)
        await access.seconds_to_wait(EVE + number, number)
        await access.migrate_group(-number, -1000 - number)
    client = await access.client()
    keys = [key async for key in client.scan_iter("*")]
    assert keys
    assert all([0 < await client.ttl(key) <= DAY for key in keys])


async def test_two_bots_have_two_lists(access: Access) -> None:
    other = replace(access, keys=BotKeys(778))
    await access.allow(BOB)
    code = await access.new_code()
    assert await other.role(BOB) is Role.STRANGER
    assert await other.pair(EVE, code) is Pairing.WRONG


async def test_a_server_that_is_down_is_told(tmp_path: Path) -> None:
    connection = RedisConnection(f"unix://{tmp_path}/none.sock")
    down = Access(connection.client, KEYS, frozenset({ANA}), 3)
    assert await down.role(ANA) is Role.ADMIN
    for call in (down.role(BOB), down.pair(BOB, "X"), down.seconds_to_wait(BOB, 1), down.allow(BOB)):
        with pytest.raises(TierUnavailable):
            await call
    await connection.close()
