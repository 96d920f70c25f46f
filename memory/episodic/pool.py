"""Threads for calls that may hang."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


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
