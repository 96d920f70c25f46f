"""A time limit that really fires, also over work that cannot be stopped."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from memory.errors import MemoryTierError

T = TypeVar("T")


def _forget(task: "asyncio.Task[Any]") -> None:
    """Read the outcome of an abandoned task, so that it is not reported as never looked at."""
    with contextlib.suppress(asyncio.CancelledError, MemoryTierError):
        task.result()


async def within(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Return what `work` returns if it is there in time; otherwise leave it behind.

    Raises:
        TimeoutError: `seconds` are over. The work is cancelled, and never waited for: a thread that it
            started may run on.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        task.add_done_callback(_forget)
        raise
    if done:
        return task.result()
    task.cancel()
    task.add_done_callback(_forget)
    raise TimeoutError
