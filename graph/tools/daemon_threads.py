"""Daemon threads for foreign code, one of them with an event loop.

They can be interrupted and do not keep the process alive.
"""

import asyncio
import ctypes
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")
INTERRUPT_TIMES = 6
INTERRUPT_SECONDS = 0.5


class Interrupted(BaseException):
    """Raised inside code that runs for too long."""


class InterruptibleThread(Generic[T]):
    """A daemon thread that runs one function.

    Attributes:
        outcome: the function's result or any `BaseException` that it raised.
    """

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self.outcome: Future[T] = Future()
        self.outcome.set_running_or_notify_cancel()
        self._work = work
        self._lock = threading.Lock()
        self._working = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def interrupt(self) -> None:
        """Raise `Interrupted` in the thread; code blocked in C, as in `time.sleep`, gets it afterwards."""
        with self._lock:
            if self._working and self._thread.ident is not None:
                thread = ctypes.c_ulong(self._thread.ident)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(Interrupted))

    def _run(self) -> None:
        with suppress(Interrupted):  # one that arrives after the work
            try:
                result = self._work()
            except BaseException as error:  # noqa: BLE001 - passed on by the outcome
                self._stop_interrupts()
                self.outcome.set_exception(error)
            else:
                self._stop_interrupts()
                self.outcome.set_result(result)
        if not self.outcome.done():
            self._stop_interrupts()
            self.outcome.set_exception(Interrupted())

    def _stop_interrupts(self) -> None:
        with self._lock:
            self._working = False


def ends(future: Future[Any], seconds: float) -> bool:
    return bool(wait({future}, seconds).done)


def interrupt_until(thread: InterruptibleThread[Any], over: Callable[[float], bool] | None = None) -> None:
    """Interrupt up to `INTERRUPT_TIMES` times until `over`, called with a timeout in seconds, is true.

    Without `over`, until the thread has ended.
    """
    for _ in range(INTERRUPT_TIMES):
        thread.interrupt()
        if over(INTERRUPT_SECONDS) if over else ends(thread.outcome, INTERRUPT_SECONDS):
            return


def error_text(error: BaseException) -> str:
    """Return an error's type and text; only the type if `str()` of it fails."""
    kind = type(error).__name__
    try:
        return f"{kind}: {error}"
    except Exception:  # noqa: BLE001 - foreign code: its `__str__` may raise anything
        return kind


class DaemonThreads(ThreadPoolExecutor):
    """An executor with a daemon thread for each call."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        thread = InterruptibleThread(partial(fn, *args, **kwargs), "plugin-worker")
        thread.start()
        return thread.outcome


_IDLE_POLL_SECONDS = 1.0
_CANCEL_SECONDS = 30.0
"""Limit for the end of cancelled calls, such as one that waits for a command it has killed.

Only the loop's own daemon thread waits.
"""
logger = logging.getLogger(__name__)
Work = Callable[[], Coroutine[Any, Any, Any]]


class LoopCall:
    """A call in a loop thread.

    Attributes:
        begun: done when the loop has started the call.
        outcome: the call's result or exception; can be cancelled before the call starts.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.begun: Future[None] = Future()
        self.outcome: Future[Any] = Future()
        self._loop = loop
        self._task: asyncio.Task[Any] | None = None

    def begin(self, work: Work, context: Context) -> None:
        """Start the call; runs on the loop."""
        if self.outcome.set_running_or_notify_cancel():
            self._task = self._loop.create_task(work(), context=context)
            self._task.add_done_callback(self._ended)
            self.begun.set_result(None)

    def cancel(self) -> None:
        if not self.outcome.cancel() and self._task is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._task.cancel)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            self.outcome.set_exception(asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(task.result())


class LoopThread:
    """An event loop that takes calls from any thread; a call that blocks it blocks only this thread."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(DaemonThreads())
        self._ending = False
        self._thread = InterruptibleThread(self._live, f"plugin-{name}")
        self._thread.start()

    @property
    def ended(self) -> "Future[None]":
        """A future that is done when the thread has ended."""
        return self._thread.outcome

    def submit(self, work: Work, context: Context) -> LoopCall:
        """Queue a call to run in `context`."""
        job = LoopCall(self._loop)
        self._loop.call_soon_threadsafe(job.begin, work, context)
        return job

    def answers(self, seconds: float) -> bool:
        """Return True when the loop responds; blocks for up to `seconds`."""
        echo: Future[None] = Future()
        try:
            self._loop.call_soon_threadsafe(echo.set_result, None)
            echo.result(seconds)
        except TimeoutError:
            return False
        except RuntimeError:  # closed
            return True
        return True

    def free(self) -> None:
        """Interrupt the code that blocks the loop; blocks for some seconds if it does not react."""
        interrupt_until(self._thread, self.answers)

    def retire(self) -> None:
        """Take no more calls and end after the running ones."""
        self._soon(self._end_when_idle)

    def end(self) -> None:
        self._soon(self._end)

    def _soon(self, callback: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # closed
            self._loop.call_soon_threadsafe(callback)

    def _end(self) -> None:
        self._ending = True
        self._loop.stop()

    def _end_when_idle(self) -> None:
        if asyncio.all_tasks(self._loop):
            self._loop.call_later(_IDLE_POLL_SECONDS, self._end_when_idle)
        else:
            self._end()

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._ending:
            try:
                self._loop.run_forever()
            except BaseException as error:  # noqa: BLE001 - a plugin's task that nobody awaits
                logger.warning("A plugin's task ended with %s", type(error).__name__)
        try:
            self._loop.run_until_complete(_cancel_tasks(self._loop))
        finally:
            self._loop.close()


async def _cancel_tasks(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)
    await loop.shutdown_asyncgens()
