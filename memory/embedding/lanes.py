"""Threads that embed: one for queries and one for documents, so that no query waits behind an import."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

SLICE = 8  # texts; what a second caller in the documents' lane waits for

T = TypeVar("T")
R = TypeVar("R")


class Lanes:
    """Two single threads, started on first use."""

    def __init__(self) -> None:
        self._queries = ThreadPoolExecutor(1, thread_name_prefix="embed-query")
        self._documents = ThreadPoolExecutor(1, thread_name_prefix="embed-documents")

    async def query(self, work: Callable[[T], R], value: T) -> R:
        """Run `work` in the lane of queries."""
        return await asyncio.get_running_loop().run_in_executor(self._queries, work, value)

    async def documents(self, work: Callable[[Sequence[T]], list[R]], values: Sequence[T]) -> list[R]:
        """Run `work` on slices of `values` in the lane of documents; callers take turns, slice by slice."""
        loop, results = asyncio.get_running_loop(), list[R]()
        for start in range(0, len(values), SLICE):
            part = values[start : start + SLICE]
            results += await loop.run_in_executor(self._documents, work, part)
        return results

    def close(self) -> None:
        """Let the running slices end and start no others."""
        self._queries.shutdown(wait=False, cancel_futures=True)
        self._documents.shutdown(wait=False, cancel_futures=True)
