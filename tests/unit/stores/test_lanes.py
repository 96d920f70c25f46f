"""Who waits for whom to be embedded: queries for no document, callers for each other document by document."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from memory.embedding.e5 import DOCUMENTS, LOWER, EmbeddingThreads


class Gate:
    """Work that can be held up, and notes its order."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun = threading.Semaphore(0)
        self.order: list[str] = []

    def __call__(self, text: str) -> str:
        self.begun.release()
        assert self.open.wait(60)
        self.order.append(text)
        return text.upper()

    async def holds(self, count: int) -> None:
        """Wait until so many are inside."""
        for _ in range(count):
            assert await asyncio.to_thread(self.begun.acquire, timeout=60)


@pytest.fixture
def lanes() -> Iterator[EmbeddingThreads]:
    lanes = EmbeddingThreads()
    yield lanes
    lanes.close()


async def test_a_query_does_not_wait_for_documents(lanes: EmbeddingThreads) -> None:
    gate = Gate()
    documents = asyncio.create_task(lanes.documents(gate, ["one", "two", "three"]))
    await gate.holds(DOCUMENTS)
    assert await lanes.query(str.upper, "query") == "QUERY"
    assert not documents.done()
    gate.open.set()
    assert await documents == ["ONE", "TWO", "THREE"]


async def test_documents_come_back_in_the_order_given(lanes: EmbeddingThreads) -> None:
    first, others = threading.Event(), iter(range(3))

    def work(number: int) -> int:
        if number == 0:
            assert first.wait(60)
        elif next(others) == 2:
            first.set()
        return number * 10

    assert await lanes.documents(work, range(4)) == [0, 10, 20, 30]


async def test_two_callers_take_turns(lanes: EmbeddingThreads) -> None:
    gate = Gate()
    many = asyncio.create_task(lanes.documents(gate, [f"many {n}" for n in range(50)]))
    await gate.holds(DOCUMENTS)
    few = asyncio.create_task(lanes.documents(gate, ["few 0", "few 1"]))
    await asyncio.sleep(0)
    gate.open.set()
    assert await few == ["FEW 0", "FEW 1"]
    await many
    assert gate.order.index("few 1") < 20


async def test_what_fails_leaves_the_rest_undone(lanes: EmbeddingThreads) -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 0:
            raise ValueError("no model")
        done.append(number)

    with pytest.raises(ValueError, match="no model"):
        await lanes.documents(work, range(100))
    assert len(done) < 50


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
async def test_documents_leave_the_processor_to_queries(lanes: EmbeddingThreads) -> None:
    def priority(_: int) -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    query = await lanes.query(priority, 0)
    assert await lanes.documents(priority, range(20)) == [min(query + LOWER, 19)] * 20
