"""A time limit that fires, also over what cannot be stopped."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from memory.concurrency.tasks import Steps, within
from memory.errors import TierUnavailable
from tests.clock import Clock, Gate, own_clock

SHORT = 0.05


@pytest.fixture(autouse=True)
async def clock() -> AsyncIterator[Clock]:
    with own_clock() as clock:
        yield clock


@pytest.fixture
def complaints() -> list[dict[str, Any]]:
    """What the event loop was told of."""
    told: list[dict[str, Any]] = []
    return told


def listen(complaints: list[dict[str, Any]]) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))


async def hang(ended: asyncio.Event | None = None, error: Exception | None = None) -> None:
    """Wait to be cancelled; note it, and raise another error instead."""
    try:
        await asyncio.Event().wait()
    finally:
        if ended is not None:
            ended.set()
        if error is not None:
            raise error


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_error_in_time_is_raised() -> None:
    async def work() -> None:
        raise TierUnavailable("episodic", "down")

    with pytest.raises(TierUnavailable):
        await within(work(), 1)


async def test_it_fires_and_cancels() -> None:
    cancelled, began = asyncio.Event(), time.perf_counter()
    with pytest.raises(TimeoutError):
        await within(hang(cancelled), SHORT)
    assert time.perf_counter() - began == pytest.approx(SHORT)
    await asyncio.wait_for(cancelled.wait(), 1)


async def test_no_time_at_all_fires_at_once() -> None:
    with pytest.raises(TimeoutError):
        await within(asyncio.sleep(60), 0)


async def test_it_does_not_wait_for_a_thread(clock: Clock) -> None:
    gate, began = Gate(clock), time.perf_counter()
    gate.close()
    with pytest.raises(TimeoutError):
        await within(asyncio.to_thread(gate.wait), SHORT)
    assert time.perf_counter() - began == pytest.approx(SHORT)
    gate.open()


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
    assert time.perf_counter() - began == pytest.approx(SHORT)
    done.set()
    await settle()


@pytest.mark.parametrize(
    ("error", "complained"),
    [(TierUnavailable("episodic", "went away"), []), (ZeroDivisionError(), [ZeroDivisionError])],
)
async def test_of_what_abandoned_work_raises_only_defects_are_shown(
    complaints: list[dict[str, Any]], error: Exception, complained: list[type[Exception]]
) -> None:
    listen(complaints)
    with pytest.raises(TimeoutError):
        await within(hang(error=error), SHORT)
    await settle()
    assert [type(context["exception"]) for context in complaints] == complained


async def test_whoever_is_cancelled_cancels_the_work(complaints: list[dict[str, Any]]) -> None:
    listen(complaints)
    cancelled = asyncio.Event()
    waiting = asyncio.ensure_future(within(hang(cancelled, TierUnavailable("episodic", "went away")), 60))
    await settle()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(cancelled.wait(), 1)
    await settle()
    assert complaints == []


class TestSteps:
    @pytest.fixture
    def steps(self) -> Steps:
        return Steps("episodic")

    async def test_steps_of_one_name_may_run_at_once(self, steps: Steps) -> None:
        both = [steps.within("a", asyncio.sleep(0.01, n), 1) for n in range(2)]
        assert await asyncio.gather(*both) == [0, 1]

    async def test_one_left_behind_keeps_its_name_busy_until_it_ends(self, steps: Steps) -> None:
        go, started = asyncio.Event(), 0

        async def work() -> int:
            nonlocal started
            started += 1
            await go.wait()
            return started

        began = time.perf_counter()
        with pytest.raises(TimeoutError):
            await steps.within("a", work(), SHORT)
        for _ in range(3):
            with pytest.raises(TierUnavailable, match="episodic: still busy with an earlier search"):
                await steps.within("a", work(), 10)
        assert time.perf_counter() - began == pytest.approx(SHORT)
        assert started == 1
        assert await steps.within("b", asyncio.sleep(0, 7), 1) == 7
        assert await steps.within(("a", "bob"), asyncio.sleep(0, 8), 1) == 8
        go.set()
        await settle()
        assert await steps.within("a", work(), 1) == 2

    async def test_whoever_is_cancelled_leaves_the_step_behind(self, steps: Steps) -> None:
        go = asyncio.Event()
        waiting = asyncio.ensure_future(steps.within("a", go.wait(), 60))
        await settle()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(TierUnavailable):
            await steps.within("a", asyncio.sleep(0), 1)
        go.set()
        await settle()
        await steps.within("a", asyncio.sleep(0), 1)

    async def test_an_end_stops_what_was_left_behind(self, steps: Steps) -> None:
        cancelled = asyncio.Event()
        with pytest.raises(TimeoutError):
            await steps.within("a", hang(cancelled), SHORT)
        await steps.end()
        await asyncio.wait_for(cancelled.wait(), 1)
        await steps.within("a", asyncio.sleep(0), 1)

    async def test_what_is_left_behind_on_one_loop_keeps_no_other_busy(self, steps: Steps) -> None:
        with pytest.raises(TimeoutError):
            await steps.within("a", asyncio.Event().wait(), 0)
        elsewhere = asyncio.to_thread(lambda: asyncio.run(steps.within("a", asyncio.sleep(0, 7), 1)))
        assert await elsewhere == 7
        await steps.end()

    async def test_what_a_step_left_behind_raises_is_swallowed(
        self, steps: Steps, complaints: list[dict[str, Any]]
    ) -> None:
        listen(complaints)

        async def fail() -> None:
            await asyncio.sleep(SHORT / 2)
            raise TierUnavailable("episodic", "went away")

        with pytest.raises(TimeoutError):
            await steps.within("a", fail(), 0)
        await asyncio.sleep(SHORT)
        assert complaints == []
        await steps.within("a", asyncio.sleep(0), 1)

    async def test_of_two_left_behind_both_keep_the_name_busy(self, steps: Steps) -> None:
        one, other = asyncio.Event(), asyncio.Event()
        both = [steps.within("a", event.wait(), SHORT) for event in (one, other)]
        told = await asyncio.gather(*both, return_exceptions=True)
        assert [type(error) for error in told] == [TimeoutError, TimeoutError]
        one.set()
        await settle()
        try:
            with pytest.raises(TierUnavailable):
                await steps.within("a", asyncio.sleep(0), 1)
        finally:
            other.set()
            await settle()
