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
    """Named tasks, at most one of each name on an event loop."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[int, Hashable], asyncio.Task[Any]] = {}

    def running(self, name: Hashable) -> asyncio.Task[Any] | None:
        return self._tasks.get((id(asyncio.get_running_loop()), name))

    def joined(self, name: Hashable, work: Work[T]) -> asyncio.Task[T]:
        """Return the task of this name, starting it if there is none."""
        task = self.running(name)
        if task is None:
            key = (id(asyncio.get_running_loop()), name)
            task = self._tasks[key] = asyncio.create_task(work())
            task.add_done_callback(lambda ended: self._ended(key, ended))
        return cast("asyncio.Task[T]", task)

    def here(self) -> list[asyncio.Task[Any]]:
        loop = id(asyncio.get_running_loop())
        return [task for (where, _), task in list(self._tasks.items()) if where == loop]

    async def end(self) -> None:
        """Cancel the tasks on this event loop and wait until they have ended."""
        while tasks := self.here():
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, key: tuple[int, Hashable], task: asyncio.Task[Any]) -> None:
        self._tasks.pop(key, None)
        if not task.cancelled():
            task.exception()  # retrieved, since nobody may await it


async def wait_ended(task: asyncio.Task[Any]) -> None:
    """Wait until `task` has ended; a cancelled waiter leaves it running.

    Raises:
        TierUnavailable: it was cancelled, as when the archive is closed.
    """
    await asyncio.wait([task])
    if task.cancelled():
        raise TierUnavailable(TIER, "the archive was closed meanwhile")


async def wait_result(task: asyncio.Task[T]) -> T:
    await wait_ended(task)
    return task.result()


def run_into(future: Future[T], call: Callable[[], T]) -> None:
    """Run `call` and set its outcome on `future`, unless that is cancelled."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - handed to whoever waits, as executors do
        future.set_exception(error)


class DaemonPool(Executor):
    """An executor whose threads never delay the exit of the process."""

    def __init__(self, threads: int, name: str = "goat-vectors") -> None:
        self._name = name
        self._queue: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._threads = threads
        self._started = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Queue a call; the first one starts the threads."""
        if not self._started:
            self._started = True
            for number in range(self._threads):
                threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()
        future: Future[T] = Future()
        self._queue.put((future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Stop the threads after the queued calls."""
        for _ in range(self._threads if self._started else 0):
            self._queue.put(None)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            run_into(*item)
            del item
