"""Calls that get through, each chat at its own pace."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.telegram.inbox.lanes import HOLDER, Claim, LaneLost, NotDelivered, clock
from bot.telegram.outbox import courier as module
from bot.telegram.outbox.courier import Courier, Undeliverable
from tests.clock import own_clock

CHAT = 5
Call = Callable[[], Awaitable[str]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)


def answering(*outcomes: Exception | str) -> Call:
    """Return a call that fails and succeeds as told."""
    left = list(outcomes)

    async def call() -> str:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return call


@pytest.mark.parametrize("error", [NetworkError("x"), TimedOut(), TelegramError("Invalid server response")])
async def test_what_fails_is_tried_again(error: Exception) -> None:
    assert await Courier().deliver(CHAT, answering(error, error, "done")) == "done"


async def test_a_call_that_had_its_effect_is_not_made_again() -> None:
    found = answering("found")
    assert await Courier().deliver(CHAT, answering(TimedOut()), found) == "found"


async def test_a_call_without_effect_is_made_again() -> None:
    async def nothing() -> None:
        return None

    assert await Courier().deliver(CHAT, answering(TimedOut(), "done"), nothing) == "done"


async def test_a_refused_call_is_not_looked_for() -> None:
    with own_clock():
        assert await Courier().deliver(CHAT, answering(RetryAfter(1), "done"), answering()) == "done"


async def test_a_wait_is_honoured_for_its_chat_alone() -> None:
    with own_clock():
        courier, began = Courier(), time.monotonic()
        held = asyncio.create_task(courier.deliver(CHAT, answering(RetryAfter(1), "late")))
        await asyncio.sleep(0)
        assert await courier.deliver(CHAT + 1, answering("at once")) == "at once"
        assert time.monotonic() - began < 0.5
        assert await held == "late"
        assert time.monotonic() - began >= 1


async def test_a_long_wait_frees_the_worker() -> None:
    courier = Courier()
    with pytest.raises(NotDelivered) as refused:
        await courier.deliver(CHAT, answering(RetryAfter(600)))
    assert 590 < refused.value.seconds < 610
    with pytest.raises(NotDelivered):
        await courier.deliver(CHAT, answering())


async def test_patience_ends() -> None:
    with pytest.raises(NotDelivered):
        await Courier(patience=0.0).deliver(CHAT, answering(NetworkError("x"), "never"))


@pytest.mark.parametrize("error", [Forbidden("blocked"), ChatMigrated(7)])
async def test_what_telegram_will_never_take(error: Exception) -> None:
    with pytest.raises(Undeliverable):
        await Courier().deliver(CHAT, answering(error))


@pytest.mark.parametrize("error", [BadRequest("x"), InvalidToken("x")])
async def test_what_others_must_deal_with(error: Exception) -> None:
    with pytest.raises(type(error)):
        await Courier().deliver(CHAT, answering(error))
    with pytest.raises(type(error)):
        await Courier().frame(CHAT, answering(error))


async def test_frames_have_their_pace() -> None:
    with own_clock():
        courier = Courier()
        assert await courier.frame(CHAT, answering("shown"))
        assert 0 < courier.until_frame(CHAT) <= module.FRAME_PAUSE
        assert not await courier.frame(CHAT, answering())
        assert courier.until_frame(CHAT + 1) == 0


@pytest.mark.parametrize("error", [RetryAfter(100), NetworkError("x"), Forbidden("x")])
async def test_a_frame_is_left_out(error: Exception) -> None:
    courier = Courier()
    assert not await courier.frame(CHAT, answering(error))
    assert (courier.until_frame(CHAT) > 50) == isinstance(error, RetryAfter)


async def test_a_frame_gives_way_to_an_answer() -> None:
    courier, gate = Courier(), asyncio.Event()

    async def slow() -> str:
        await gate.wait()
        return "done"

    final = asyncio.create_task(courier.deliver(CHAT, slow))
    await asyncio.sleep(0)
    assert not await courier.frame(CHAT, answering())
    gate.set()
    assert await final == "done"
    assert await courier.frame(CHAT, answering("shown"))


async def test_nothing_is_sent_for_a_lane_that_is_lost() -> None:
    token = HOLDER.set(Claim("lane", b"", 1, True, "token", clock() - 1))
    try:
        with pytest.raises(LaneLost):
            await Courier().deliver(CHAT, answering())
        with pytest.raises(LaneLost):
            await Courier().frame(CHAT, answering())
    finally:
        HOLDER.reset(token)
