"""An event loop in a thread of its own, for one plugin's asynchronous tools."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context
from typing import Any

from graph.tools.daemon_threads import DaemonThreads, Guest, insist

END_SECONDS = 1.0
logger = logging.getLogger(__name__)
Work = Callable[[], Coroutine[Any, Any, Any]]


class Job:
    """A call in a lane.

    Attributes:
        begun: done when the lane has taken the call up.
        outcome: what the call returns or raises; it can be cancelled as long as it has not begun.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.begun: Future[None] = Future()
        self.outcome: Future[Any] = Future()
        self._loop = loop
        self._task: asyncio.Task[Any] | None = None

    def begin(self, work: Work, context: Context) -> None:
        """Take the call up, on the lane's loop."""
        if self.outcome.set_running_or_notify_cancel():
            self._task = self._loop.create_task(work(), context=context)
            self._task.add_done_callback(self._ended)
            self.begun.set_result(None)

    def cancel(self) -> None:
        """Ask the call to end; from any thread."""
        if not self.outcome.cancel() and self._task is not None:
            with suppress(RuntimeError):  # the lane has ended meanwhile
                self._loop.call_soon_threadsafe(self._task.cancel)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            self.outcome.set_exception(asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(task.result())


class LoopThread:
    """Take calls from any thread; one that blocks the loop holds up nobody outside of the lane."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(DaemonThreads())
        self._ending = False
        self._guest = Guest(self._live, f"plugin-{name}")
        self._guest.start()

    @property
    def ended(self) -> "Future[None]":
        """Return what is done when the thread has ended."""
        return self._guest.outcome

    def submit(self, work: Work, context: Context) -> Job:
        """Queue a call, to run in `context`."""
        job = Job(self._loop)
        self._loop.call_soon_threadsafe(job.begin, work, context)
        return job

    def answers(self, seconds: float) -> bool:
        """Say whether the loop turns; blocks for up to `seconds`."""
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
        """Interrupt what blocks the loop; blocks for some seconds where that is deaf."""
        insist(self._guest, self.answers)

    def retire(self) -> None:
        """Take no more calls, and end once those under way have."""
        self._soon(self._end_when_idle)

    def end(self) -> None:
        """Cancel the calls under way, and end."""
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
            except BaseException as error:  # noqa: BLE001 - a task of the plugin's that nobody awaits
                logger.warning("A plugin's task ended with %s", type(error).__name__)
        try:
            self._loop.run_until_complete(_cancelled(self._loop))
        finally:
            self._loop.close()


async def _cancelled(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=END_SECONDS)
    await loop.shutdown_asyncgens()
