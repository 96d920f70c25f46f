"""Owners' documents on a Letta server, with concurrent writes merged."""

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
from memory.permanent.letta.letta_blocks import LettaBlocks, merge
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
    """Pending edits of one owner: the holder of the lock writes all of them."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[AnyEdit] = field(default_factory=list)


@dataclass(eq=False)
class _LoopState:
    """Queues and reads of one event loop."""

    queues: WeakValueDictionary[str, _Queue] = field(default_factory=WeakValueDictionary)
    reads: "dict[tuple[str, object], asyncio.Task[Document]]" = field(default_factory=dict)


class LettaDocuments:
    """Reads and changes documents; usable from any event loop, and again after `aclose`.

    Writers that share the lock folder, in one process or several, never lose a write: they wait for each
    other, and an event loop's pending edits are written together. Letta has no versions. Among writers on
    several machines, an overwritten one retries if it notices at its read-back; an overwrite after that goes
    unnoticed.
    """

    def __init__(self, address: LettaAddress, lock_folder: Path) -> None:
        self._locks = WriterLocks(lock_folder)
        self._client = LettaClient(address)
        self._blocks = LettaBlocks(LettaAgents(self._client), address)
        self._running = PerLoop(_LoopState)
        self._since = object()  # identity of the latest write; replaced by every write

    async def read(self, owner: str) -> Document:
        """Return the owner's document; concurrent reads share one request until the next write."""
        reads, key = self._running.get().reads, (owner, self._since)
        if key not in reads:
            reads[key] = asyncio.create_task(self._blocks.read(owner))
            reads[key].add_done_callback(lambda task: _finish_read(reads, key, task))
        return await asyncio.shield(reads[key])

    async def change(self, owner: str, change: Change[T]) -> T:
        """Commit a change and return its result; raise the error that rejected it."""
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
        """Delete the owner's agents and documents, even unreadable ones."""
        queue = self._queue(owner)
        async with queue.lock, self._locks.hold(agent_name(owner)):
            try:
                await self._blocks.delete(owner)
            finally:
                self._since = object()

    async def owners(self) -> list[str]:
        """Return the owners that have a document, sorted.

        Raises:
            TierCorrupt: a document cannot be read.
        """
        return await self._blocks.owners()

    async def aclose(self) -> None:
        """Close this event loop's connections, and cancel its reads."""
        running = self._running.pop()
        reads = list(running.reads.values()) if running is not None else []
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
        await self._client.aclose()

    async def _commit(self, owner: str, queue: _Queue) -> None:
        """Write all pending edits under the lock; they all fail if the lock is unavailable."""
        try:
            async with self._locks.hold(agent_name(owner)):
                await self._write(owner, list(queue.waiting))
        except TierUnavailable as problem:
            for edit in queue.waiting:
                edit.settle(problem)

    async def _write(self, owner: str, edits: list[AnyEdit]) -> None:
        """Write and settle edits; edits that do not fit together are written one by one."""
        edits = [edit for edit in edits if not edit.settled]
        problem: MemoryTierError | None = None
        try:
            await self._write_with_retries(owner, edits)
        except MemoryTierError as error:
            problem = error
        finally:
            self._since = object()
        if isinstance(problem, BlockFull) and len(edits) > 1:
            for edit in edits:
                await self._write(owner, [edit])
        for edit in edits:
            edit.settle(problem)

    async def _write_with_retries(self, owner: str, edits: list[AnyEdit]) -> None:
        problem = TryAgain(TIER, "other writers won every attempt; try again")
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
        """Read, apply, write and read back; return whether every edit is stored."""
        blocks = await self._blocks.find(owner)
        if new := not blocks:
            blocks = await self._blocks.make(owner)
        before = merge(await self._blocks.parse(owner, blocks))
        after = await asyncio.to_thread(_apply, edits, before)
        if after is before:
            return True
        stored = await self._blocks.write(blocks[0], after, owner)
        if new:
            self._blocks.forget(owner)  # another writer's older agent may only be listed now
        else:
            self._blocks.remember(owner, blocks[:1], stored)
        return after.ids - before.ids <= merge(stored).ids

    def _queue(self, owner: str) -> _Queue:
        return self._running.get().queues.setdefault(owner, _Queue())


def _apply(edits: list[AnyEdit], document: Document) -> Document:
    for edit in edits:
        document = edit.apply(document)
    return document


def _finish_read(
    reads: "dict[tuple[str, object], asyncio.Task[Document]]",
    key: tuple[str, object],
    task: "asyncio.Task[Document]",
) -> None:
    """Remove a finished read, and retrieve its exception so that asyncio does not log it."""
    reads.pop(key, None)
    with suppress(asyncio.CancelledError):
        task.exception()
