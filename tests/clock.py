"""A simulated clock: time jumps ahead when the loop is idle, and stops otherwise."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest

AsyncFuture = asyncio.Future[Any]
_monotonic, _sleep, _wrap_future = time.monotonic, time.sleep, asyncio.wrap_future


class Clock:
    """The time of one event loop and of the threads that it waits for.

    The loop may only wait for timers and threads, not for a network. Work queued behind a thread that waits
    at a `Gate` counts as busy.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._select = loop._selector.select  # type: ignore[attr-defined]
        self._now = _monotonic()
        self._at_work = 0
        self._guard = threading.Lock()

    def time(self) -> float:
        """Return the time in seconds; other event loops get the real one."""
        return _monotonic() if self._elsewhere() else self._now

    def sleep(self, seconds: float) -> None:
        """Advance the time by a sleep."""
        if self._elsewhere():
            _sleep(seconds)
        else:
            self._now += seconds
            self._wake()

    def select(self, timeout: float | None) -> list[Any]:
        """Return ready file descriptors; when idle, jump to the next timer."""
        with self._guard:  # a thread that ends wakes the loop before it counts as idle
            events: list[Any] = self._select(0)
            if events or (timeout is not None and timeout <= 0):
                return events
            if not self._at_work and timeout is not None:
                self._now += timeout
                return []
        waited: list[Any] = self._select(None)
        return waited

    def add(self, working: int) -> None:
        """Change the number of busy threads."""
        with self._guard:
            self._at_work += working
        self._wake()

    def wrapped(
        self, future: "Future[Any] | asyncio.Future[Any]", *, loop: Any = None
    ) -> "asyncio.Future[Any]":
        """Wrap a thread's future as asyncio does, and count the thread as busy until it is done."""
        if not isinstance(future, Future) or self._elsewhere():
            return _wrap_future(future, loop=loop)
        self.add(1)
        waiting: AsyncFuture = _wrap_future(future, loop=loop)
        future.add_done_callback(lambda _: self.add(-1))
        return waiting

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: None)

    def _elsewhere(self) -> bool:
        running = asyncio._get_running_loop()
        return running is not None and running is not self._loop


class Gate:
    """A gate at which threads wait, idle for the clock, until the test opens it."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._open = threading.Event()
        self._guard = threading.Lock()
        self._waiting = 0
        self._open.set()

    def wait(self) -> None:
        """Wait until it is open."""
        with self._guard:
            if self._open.is_set():
                return
            self._waiting += 1
            self._count(-1)
        self._open.wait()

    def close(self) -> None:
        """Close the gate."""
        self._open.clear()

    def open(self) -> None:
        """Open the gate; waiting threads are busy again."""
        with self._guard:
            self._count(self._waiting)
            self._waiting = 0
            self._open.set()

    def _count(self, working: int) -> None:
        if self._clock is not None:
            self._clock.add(working)


@contextmanager
def own_clock() -> Iterator[Clock]:
    """Give the running event loop a simulated clock."""
    loop = asyncio.get_running_loop()
    clock = Clock(loop)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop._selector, "select", clock.select)  # type: ignore[attr-defined]
        for name in ("monotonic", "perf_counter"):
            patch.setattr(time, name, clock.time)
        patch.setattr(time, "sleep", clock.sleep)
        for module in (asyncio, asyncio.futures):
            patch.setattr(module, "wrap_future", clock.wrapped)
        yield clock
