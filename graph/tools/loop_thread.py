"""An event loop in a separate thread, for one plugin's asynchronous tools."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context
from typing import Any

from graph.tools.daemon_threads import DaemonThreads, InterruptibleThread, interrupt_until

END_SECONDS = 1.0
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
        """Say whether the loop is responsive; blocks for up to `seconds`."""
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
            self._loop.call_later(END_SECONDS, self._end_when_idle)
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
        await asyncio.wait(tasks, timeout=END_SECONDS)
    await loop.shutdown_asyncgens()
