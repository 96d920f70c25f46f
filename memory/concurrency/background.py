"""Work in the background: tasks that outlive whoever waits for them, and threads for calls that may hang."""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, TypeVar, cast

from memory.errors import TierUnavailable

T = TypeVar("T")
TIER = "episodic"
Work = Callable[[], Coroutine[Any, Any, T]]


class Background:
    """Tasks by name, at most one of a name on each event loop."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[int, Hashable], asyncio.Task[Any]] = {}

    def running(self, name: Hashable) -> asyncio.Task[Any] | None:
        """Return the task of this name, if there is one."""
        return self._tasks.get((id(asyncio.get_running_loop()), name))

    def joined(self, name: Hashable, work: Work[T]) -> asyncio.Task[T]:
        """Return the task of this name, started now when there was none."""
        task = self.running(name)
        if task is None:
            key = (id(asyncio.get_running_loop()), name)
            task = self._tasks[key] = asyncio.create_task(work())
            task.add_done_callback(lambda ended: self._ended(key, ended))
        return cast("asyncio.Task[T]", task)

    def here(self) -> list[asyncio.Task[Any]]:
        """List what runs on this event loop."""
        loop = id(asyncio.get_running_loop())
        return [task for (where, _), task in list(self._tasks.items()) if where == loop]

    async def end(self) -> None:
        """Cancel what runs on this event loop, and wait until it has ended."""
        while tasks := self.here():
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, key: tuple[int, Hashable], task: asyncio.Task[Any]) -> None:
        self._tasks.pop(key, None)
        if not task.cancelled():
            task.exception()  # marks it as seen: nobody may be waiting any more


async def over(task: asyncio.Task[Any]) -> None:
    """Wait until `task` is done or has failed; whoever is cancelled here leaves it running.

    Raises:
        TierUnavailable: it was ended, as when the archive is closed.
    """
    await asyncio.wait([task])
    if task.cancelled():
        raise TierUnavailable(TIER, "the archive was closed meanwhile")


async def outcome(task: asyncio.Task[T]) -> T:
    """Wait for what `task` returns or raises, as `over` does."""
    await over(task)
    return task.result()


def settle(future: Future[T], call: Callable[[], T]) -> None:
    """Run `call` for whoever waits for `future`, unless nobody does any more."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - handed to whoever waits, as executors do
        future.set_exception(error)


class DaemonPool(Executor):
    """Threads that do not hold up the end of the process, whatever they hang in."""

    def __init__(self, threads: int, name: str = "goat-vectors") -> None:
        self._name = name
        self._queue: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._threads = threads
        self._started = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Queue a call; the threads start with the first one."""
        if not self._started:
            self._started = True
            for number in range(self._threads):
                threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()
        future: Future[T] = Future()
        self._queue.put((future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Let each thread end after what it does."""
        for _ in range(self._threads if self._started else 0):
            self._queue.put(None)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            settle(*item)
            del item
