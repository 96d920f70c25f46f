"""A time limit that fires, also over what cannot be stopped."""

import asyncio
import threading
import time
from typing import Any

import pytest

from memory.errors import TierUnavailable
from nodes.deadline import within

SHORT = 0.05


@pytest.fixture
def complaints() -> list[dict[str, Any]]:
    """What the event loop was told of."""
    told: list[dict[str, Any]] = []
    return told


def listen(complaints: list[dict[str, Any]]) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_there_in_time_is_returned() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    assert await within(work(), 1) == 7


async def test_an_error_in_time_is_raised() -> None:
    async def work() -> None:
        raise TierUnavailable("episodic", "down")

    with pytest.raises(TierUnavailable):
        await within(work(), 1)


async def test_it_fires_and_cancels() -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    began = time.perf_counter()
    with pytest.raises(TimeoutError):
        await within(work(), SHORT)
    assert SHORT * 0.5 < time.perf_counter() - began < 1
    await asyncio.wait_for(cancelled.wait(), 1)


async def test_no_time_at_all_fires_at_once() -> None:
    with pytest.raises(TimeoutError):
        await within(asyncio.sleep(60), 0)


async def test_it_does_not_wait_for_a_thread() -> None:
    release = threading.Event()
    began = time.perf_counter()
    try:
        with pytest.raises(TimeoutError):
            await within(asyncio.to_thread(release.wait, 5), SHORT)
        assert time.perf_counter() - began < 1
    finally:
        release.set()


async def test_it_does_not_wait_for_work_that_will_not_be_cancelled() -> None:
    done = asyncio.Event()

    async def stubborn() -> None:
        while not done.is_set():
            try:
                await done.wait()
            except asyncio.CancelledError:
                continue

    began = time.perf_counter()
    with pytest.raises(TimeoutError):
        await within(stubborn(), SHORT)
    assert time.perf_counter() - began < 1
    done.set()
    await settle()


async def test_what_abandoned_work_raises_is_swallowed(complaints: list[dict[str, Any]]) -> None:
    listen(complaints)

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise TierUnavailable("episodic", "went away")

    with pytest.raises(TimeoutError):
        await within(work(), SHORT)
    await settle()
    assert complaints == []


async def test_a_defect_in_abandoned_work_is_not_hidden(complaints: list[dict[str, Any]]) -> None:
    listen(complaints)

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    with pytest.raises(TimeoutError):
        await within(work(), SHORT)
    await settle()
    assert [type(context["exception"]) for context in complaints] == [ZeroDivisionError]


async def test_whoever_is_cancelled_cancels_the_work(complaints: list[dict[str, Any]]) -> None:
    listen(complaints)
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
            raise TierUnavailable("episodic", "went away")

    waiting = asyncio.ensure_future(within(work(), 60))
    await started.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(cancelled.wait(), 1)
    await settle()
    assert complaints == []
