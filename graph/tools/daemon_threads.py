"""Threads for code that is not ours: they do not keep the process from ending, and can be interrupted."""

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")
INSIST_TIMES = 6
INSIST_SECONDS = 0.5


class Interrupted(BaseException):
    """The code went on for too long; raised within it."""


class Guest(Generic[T]):
    """A daemon thread that does one piece of work.

    Attributes:
        outcome: what the work returned or raised, be it no ordinary exception.
    """

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self.outcome: Future[T] = Future()
        self.outcome.set_running_or_notify_cancel()
        self._work = work
        self._lock = threading.Lock()
        self._working = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def interrupt(self) -> None:
        """Raise `Interrupted` in the work; code that waits in C, as in `time.sleep`, sees it afterwards."""
        with self._lock:
            if self._working and self._thread.ident is not None:
                thread = ctypes.c_ulong(self._thread.ident)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(Interrupted))

    def _run(self) -> None:
        with suppress(Interrupted):  # one that comes when the work is already done
            try:
                result = self._work()
            except BaseException as error:  # noqa: BLE001 - whoever looks at the outcome sees it
                self._over()
                self.outcome.set_exception(error)
            else:
                self._over()
                self.outcome.set_result(result)
        if not self.outcome.done():
            self._over()
            self.outcome.set_exception(Interrupted())

    def _over(self) -> None:
        with self._lock:
            self._working = False


def insist(guest: Guest[Any], over: Callable[[float], bool]) -> None:
    """Interrupt a few times, until `over` says so; it is given the seconds that it may wait."""
    for _ in range(INSIST_TIMES):
        guest.interrupt()
        if over(INSIST_SECONDS):
            return


def words_of(error: BaseException) -> str:
    """Return an error's type and text; one that cannot even be turned into text has a type."""
    kind = type(error).__name__
    try:
        return f"{kind}: {error}"
    except Exception:  # noqa: BLE001 - whatever its `__str__` does
        return kind


class DaemonThreads(ThreadPoolExecutor):
    """A thread for each call, which the end of the process does not wait for."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin the call."""
        guest = Guest(partial(fn, *args, **kwargs), "plugin-worker")
        guest.start()
        return guest.outcome
