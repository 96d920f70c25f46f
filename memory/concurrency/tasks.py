"""Tasks with deadlines and in the background, and threads that never delay the exit of the process."""

import asyncio
import contextlib
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, TypeVar, cast

from memory.errors import MemoryTierError, TierUnavailable

T = TypeVar("T")
TIER = "episodic"
Work = Callable[[], Coroutine[Any, Any, T]]
_PATIENCE = 0.2


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
    except BaseException as error:  # noqa: BLE001 - passed to the waiter, as executors do
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


def retrieve_outcome(task: "asyncio.Task[Any]") -> None:
    """Retrieve the outcome of an abandoned task, so that asyncio does not log it as never retrieved."""
    with contextlib.suppress(asyncio.CancelledError, TimeoutError, MemoryTierError):
        task.result()


async def within(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Return the result of `work` if it is done in time, else cancel and abandon it.

    Raises:
        TimeoutError: `seconds` have passed. The cancelled work is not awaited: its thread may run on.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(retrieve_outcome)
    if done:
        return task.result()
    raise TimeoutError


async def read_or_problem(tier: str, work: Coroutine[Any, Any, T], seconds: float) -> tuple[T | None, str]:
    """Return the result of `work` if it is done in time and the tier is up, else None and the problem."""
    try:
        return await within(work, seconds), ""
    except TimeoutError:
        return None, f"{tier}: no answer in time"
    except MemoryTierError as error:
        return None, str(error)


class Steps:
    """Named steps of a search; an abandoned one keeps others of its name from starting."""

    def __init__(self, tier: str) -> None:
        self._tier = tier
        self._behind: defaultdict[tuple[int, Hashable], set[asyncio.Task[Any]]] = defaultdict(set)

    async def within(self, name: Hashable, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """Return the result of `work` if it is done in time, else let it run on unawaited.

        Raises:
            TimeoutError: `seconds` have passed.
            TierUnavailable: an abandoned step of this name is still running.
        """
        key = self._key(name)
        if self.is_behind(name):
            work.close()
            raise TierUnavailable(self._tier, "still busy with an earlier search")
        task = asyncio.ensure_future(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=max(seconds, 0.0))
        finally:
            if not task.done():
                self._behind[key].add(task)
                task.add_done_callback(self._behind[key].discard)
                task.add_done_callback(retrieve_outcome)
        if done:
            return task.result()
        raise TimeoutError

    def is_behind(self, name: Hashable) -> bool:
        return bool(self._behind.get(self._key(name)))

    async def end(self) -> None:
        """Cancel the abandoned steps of this event loop."""
        loop = id(asyncio.get_running_loop())
        for key in [key for key in self._behind if key[0] == loop]:
            for task in self._behind.pop(key):
                task.cancel()

    def _key(self, name: Hashable) -> tuple[int, Hashable]:
        return (id(asyncio.get_running_loop()), name)


async def reap(process: asyncio.subprocess.Process) -> None:
    """Wait until a killed process has ended, also when cancelled: otherwise it would stay as a zombie."""
    cancelled = False
    while process.returncode is None:
        try:
            await process.wait()
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


async def end(*tasks: "asyncio.Task[Any]") -> list[Any]:
    """Cancel tasks until they have ended; return their results and errors.

    Once is not always enough: in Python 3.11 `asyncio.wait_for`, which redis-py uses for sending, loses a
    cancellation that arrives as its task completes.
    """
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=_PATIENCE)
    return await asyncio.gather(*tasks, return_exceptions=True)
