"""Time limits that really fire, also over work that cannot be stopped, and the end of background tasks."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Coroutine, Hashable
from typing import Any, TypeVar

from memory.errors import MemoryTierError, TierUnavailable

T = TypeVar("T")
_PATIENCE = 0.2


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
