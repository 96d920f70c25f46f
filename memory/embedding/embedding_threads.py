"""Embedding threads: one for queries and two for documents, so that no query waits behind an import."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

DOCUMENTS = 2
"""Documents embedded at once. Two threads with a document each are faster than two threads sharing one."""
AHEAD = 1
"""Extra documents that a caller queues, so that no thread idles; other callers wait for these."""
LOWER = 5
"""Niceness of document threads. With it, they do not slow queries down."""

T = TypeVar("T")
R = TypeVar("R")


class EmbeddingThreads:
    """Separate thread pools for queries and documents, started on first use."""

    def __init__(self) -> None:
        self._queries = ThreadPoolExecutor(1, thread_name_prefix="embed-query")
        self._documents = ThreadPoolExecutor(
            DOCUMENTS, thread_name_prefix="embed-documents", initializer=_lower_priority
        )

    async def query(self, work: Callable[[T], R], value: T) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._queries, work, value)

    async def documents(self, work: Callable[[T], R], values: Sequence[T]) -> list[R]:
        """Run `work` on each of `values` on the document threads; concurrent callers alternate."""
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
        """Cancel queued work; running calls finish."""
        self._queries.shutdown(wait=False, cancel_futures=True)
        self._documents.shutdown(wait=False, cancel_futures=True)


def _lower_priority() -> None:
    if sys.platform == "linux":  # elsewhere niceness applies to the whole process
        os.nice(LOWER)
