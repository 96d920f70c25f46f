"""Threads that embed: a query does not wait for documents, and two callers with documents take turns."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import pytest

from memory.embedding.lanes import SLICE, Lanes


@pytest.fixture
async def lanes() -> AsyncIterator[Lanes]:
    opened = Lanes()
    yield opened
    opened.close()


class Held:
    """Work on documents that stands still at its first slice until it may go on."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Event()
        self.slices: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> list[str]:
        self.slices.append(list(texts))
        self.begun.set()
        self.go.wait()
        return [text.upper() for text in texts]


async def test_a_query_does_not_wait_for_documents(lanes: Lanes) -> None:
    held = Held()
    documents = asyncio.create_task(lanes.documents(held, ["a"] * (SLICE + 1)))
    await asyncio.to_thread(held.begun.wait)
    assert await lanes.query(str.upper, "b") == "B"
    assert not documents.done()
    held.go.set()
    assert await documents == ["A"] * (SLICE + 1)


async def test_documents_of_two_callers_take_turns(lanes: Lanes) -> None:
    held = Held()
    bulk = asyncio.create_task(lanes.documents(held, ["a"] * 3 * SLICE))
    await asyncio.to_thread(held.begun.wait)
    few = asyncio.create_task(lanes.documents(held, ["b"]))
    await asyncio.sleep(0)
    held.go.set()
    await asyncio.gather(bulk, few)
    assert [texts[0] for texts in held.slices] == ["a", "b", "a", "a"]
