"""Daemon threads for foreign code: they can be interrupted and do not keep the process alive."""

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
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
