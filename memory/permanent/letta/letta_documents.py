"""Owners' documents on a Letta server: read as a whole, changed without losing anything."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from memory.concurrency.per_loop import PerLoop
from memory.errors import MemoryTierError, TierUnavailable
from memory.permanent.letta.letta_agents import BlockFull, LettaAgents, agent_name
from memory.permanent.letta.letta_blocks import LettaBlocks, united
from memory.permanent.letta.letta_document import Document
from memory.permanent.letta.letta_edit import AnyEdit, Change, Edit
from memory.permanent.letta.letta_http import LettaAddress, LettaClient, TryAgain
from memory.permanent.letta.letta_locks import WriterLocks
from memory.permanent.store_rules import TIER

T = TypeVar("T")
ATTEMPTS: Final = 6
PAUSE: Final = 0.03  # seconds before the second attempt, doubled with each further one


@dataclass(eq=False)
class _Queue:
    """What waits to be written for one owner: whoever has the lock writes it all."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[AnyEdit] = field(default_factory=list)


@dataclass(eq=False)
class _Running:
    """What goes on in one event loop."""

    queues: WeakValueDictionary[str, _Queue] = field(default_factory=WeakValueDictionary)
    reads: "dict[tuple[str, object], asyncio.Task[Document]]" = field(default_factory=dict)


class LettaDocuments:
    """Read and change documents; usable from any event loop, and again after `aclose`.

    Writers who share the folder of locks, in one process or several, lose nothing: they wait for each other,
    and what waits in one event loop is written at once. Letta knows no versions: of writers on several
    machines, one that is overwritten before it reads again repeats itself, and one that is overwritten later
    than that is not told.
    """

    def __init__(self, address: LettaAddress, lock_folder: Path) -> None:
        self._locks = WriterLocks(lock_folder)
        self._client = LettaClient(address)
        self._blocks = LettaBlocks(LettaAgents(self._client), address)
        self._running = PerLoop(_Running)
        self._since = object()  # the latest write; another object with each

    async def read(self, owner: str) -> Document:
        """Read the owner's document; whoever reads meanwhile gets the same, unless something was written."""
        reads, key = self._running.get().reads, (owner, self._since)
        if key not in reads:
            reads[key] = asyncio.create_task(self._blocks.read(owner))
            reads[key].add_done_callback(lambda task: _read_ended(reads, key, task))
        return await asyncio.shield(reads[key])

    async def change(self, owner: str, change: Change[T]) -> T:
        """Write a change, and return what it tells once it stands; what refuses it is raised."""
        queue, edit = self._queue(owner), Edit(change)
        queue.waiting.append(edit)
        try:
            async with queue.lock:
                if not edit.settled:
                    await self._commit(owner, queue)
        finally:
            queue.waiting.remove(edit)
        return edit.outcome()

    async def erase(self, owner: str) -> None:
        """Delete the owner's agents and documents, also those that cannot be read."""
        queue = self._queue(owner)
        async with queue.lock, self._locks.hold(agent_name(owner)):
            try:
                await self._blocks.delete(owner)
            finally:
                self._since = object()

    async def owners(self) -> list[str]:
        """List the owners that have a document, sorted.

        Raises:
            TierCorrupt: one of the documents cannot be read.
        """
        return await self._blocks.owners()

    async def aclose(self) -> None:
        """Close the connections of this event loop, and end the reads that nobody waits for."""
        running = self._running.pop()
        reads = list(running.reads.values()) if running is not None else []
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
        await self._client.aclose()

    async def _commit(self, owner: str, queue: _Queue) -> None:
        """Write what waits as the only writer; what cannot become that fails, all of it."""
        try:
            async with self._locks.hold(agent_name(owner)):
                await self._write(owner, list(queue.waiting))
        except TierUnavailable as problem:
            for edit in queue.waiting:
                edit.settle(problem)

    async def _write(self, owner: str, edits: list[AnyEdit]) -> None:
        """Write what waits; all of it is settled then. What is too much together is tried one by one."""
        edits = [edit for edit in edits if not edit.settled]
        problem: MemoryTierError | None = None
        try:
            await self._insist(owner, edits)
        except MemoryTierError as error:
            problem = error
        finally:
            self._since = object()
        if isinstance(problem, BlockFull) and len(edits) > 1:
            for edit in edits:
                await self._write(owner, [edit])
        for edit in edits:
            edit.settle(problem)

    async def _insist(self, owner: str, edits: list[AnyEdit]) -> None:
        problem = TryAgain(TIER, "other writers were quicker each time; try again")
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
            try:
                if await self._attempt(owner, edits):
                    return
            except TryAgain as error:
                problem = error
        raise problem

    async def _attempt(self, owner: str, edits: list[AnyEdit]) -> bool:
        """Read, change, write and read again; return whether every change stands."""
        blocks = await self._blocks.find(owner)
        if new := not blocks:
            blocks = await self._blocks.make(owner)
        before = united(await self._blocks.parsed(owner, blocks))
        after = await asyncio.to_thread(_tried, edits, before)
        if after is before:
            return True
        stands = await self._blocks.write(blocks[0], after, owner)
        if new:
            self._blocks.forget(owner)  # an older agent of another writer may be listed only now
        else:
            self._blocks.remember(owner, blocks[:1], stands)
        return after.ids - before.ids <= united(stands).ids

    def _queue(self, owner: str) -> _Queue:
        return self._running.get().queues.setdefault(owner, _Queue())


def _tried(edits: list[AnyEdit], document: Document) -> Document:
    for edit in edits:
        document = edit.tried(document)
    return document


def _read_ended(
    reads: "dict[tuple[str, object], asyncio.Task[Document]]",
    key: tuple[str, object],
    task: "asyncio.Task[Document]",
) -> None:
    """Take a read off the list; a failure that nobody waited for is not reported as never looked at."""
    reads.pop(key, None)
    with suppress(asyncio.CancelledError):
        task.exception()
