"""Threads that embed: one for queries and two for documents, so that no query waits behind an import."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

DOCUMENTS = 2
"""Documents embedded at once: two threads with a document each do more than two that share one."""
AHEAD = 1
"""Documents of one caller that wait for a thread, and that another caller waits for."""
LOWER = 5
"""How much lower the priority of documents is: with it a query takes no longer beside them than alone."""

T = TypeVar("T")
R = TypeVar("R")


class EmbeddingThreads:
    """The threads, started on first use."""

    def __init__(self) -> None:
        self._queries = ThreadPoolExecutor(1, thread_name_prefix="embed-query")
        self._documents = ThreadPoolExecutor(
            DOCUMENTS, thread_name_prefix="embed-documents", initializer=_yield_to_others
        )

    async def query(self, work: Callable[[T], R], value: T) -> R:
        """Run `work` in the lane of queries."""
        return await asyncio.get_running_loop().run_in_executor(self._queries, work, value)

    async def documents(self, work: Callable[[T], R], values: Sequence[T]) -> list[R]:
        """Run `work` on each of `values` in the lanes of documents; callers take turns, value by value."""
        loop, todo, results = asyncio.get_running_loop(), iter(enumerate(values)), dict[int, R]()

        async def run() -> None:
            for place, value in todo:
                results[place] = await loop.run_in_executor(self._documents, work, value)

        running = [asyncio.create_task(run()) for _ in range(min(DOCUMENTS + AHEAD, len(values)))]
        try:
            await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()
        return [results[place] for place in range(len(values))]

    def close(self) -> None:
        """Let what runs end, and start nothing else."""
        self._queries.shutdown(wait=False, cancel_futures=True)
        self._documents.shutdown(wait=False, cancel_futures=True)


def _yield_to_others() -> None:
    if sys.platform == "linux":  # elsewhere the priority is the process's
        os.nice(LOWER)
