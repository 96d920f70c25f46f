"""L0 and L1 on a Letta server: an owner's document in one block of one agent."""

import asyncio
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from memory.concurrency.tasks import Background
from memory.database import require_utf8, to_micros
from memory.errors import TierCorrupt, TierUnavailable
from memory.models import Fact
from memory.permanent.letta.letta_agents import LABEL, Block, LettaAgents, agent_name
from memory.permanent.letta.letta_document import (
    Document,
    Unreadable,
    Writing,
    merge,
    owner_of,
    parse,
    render,
)
from memory.permanent.letta.letta_http import LettaAddress, TryAgain
from memory.permanent.letta.writer_lock import writer_lock
from memory.permanent.permanent_records import TIER, Records, TokenCap, identifier, normalize_key

__all__ = ["LettaAddress", "LettaPermanentStore"]

T = TypeVar("T")
Change = Callable[[Document], tuple[Sequence[Writing], T]]
"""Returns what to append to a document, and the caller's result; raises to reject the change."""
ATTEMPTS: Final = 6
PAUSE: Final = 0.03  # seconds before the second attempt, doubled with each further one
PATIENCE: Final = 30.0  # seconds to wait for other writers of this machine


class LettaPermanentStore:
    """`PermanentStore` on a Letta server; usable from any event loop, and again after `aclose`.

    Writers that share the lock folder, in one process or several, wait for each other and never lose a write.
    Letta has no versions. Among writers on several machines, an overwritten one retries if it notices at its
    read-back; an overwrite after that goes unnoticed. `BlockFull` is raised when the history has reached the
    server's limit.

    Args:
        address: where the server is.
        count_tokens: how many tokens a text takes in the prompt; called on a thread.
        max_tokens: how many all current facts, as `key: value` lines, may take together.
        lock_folder: lock files, one per owner, for the writers of this machine.
        patience: seconds that a writer waits for the others.
    """

    def __init__(
        self,
        address: LettaAddress,
        *,
        count_tokens: Callable[[str], int],
        max_tokens: int,
        lock_folder: Path,
        patience: float = PATIENCE,
    ) -> None:
        self._agents = LettaAgents(address)
        self._cap = TokenCap(count_tokens, max_tokens)
        self._lock = partial(writer_lock, lock_folder, patience=patience)
        self._known: dict[str, tuple[str, ...]] = {}
        """Agents that hold an owner's entries."""
        self._reads = Background()
        self._since = object()
        """Identity of the latest write; replaced by every write."""

    async def identity(self, *, owner: str) -> str | None:
        identities = await self.identity_history(owner=owner)
        return identities[0][0] if identities else None

    async def set_identity(self, text: str | None, *, owner: str) -> None:
        if text is not None:
            require_utf8(text, "the identity")
        writing = (None, text, to_micros(datetime.now(UTC)))
        await self._change(owner, lambda _: ([writing], None))

    async def identity_history(self, *, owner: str) -> list[tuple[str | None, datetime]]:
        return (await self._read(owner)).identities()

    async def facts(self, *, owner: str, as_of: datetime | None = None) -> list[Fact]:
        until = None if as_of is None else to_micros(as_of)
        document = await self._read(owner)
        return list(document.current) if until is None else document.facts_at(until)

    async def upsert(self, key: str, value: str, *, owner: str, at: datetime) -> None:
        name = normalize_key(key)
        writing = (name, require_utf8(value, "the value of a fact"), to_micros(at))

        def change(document: Document) -> tuple[Sequence[Writing], None]:
            self._cap.check(name, document.current, document.append("", [writing]).current)
            return [writing], None

        await self._change(owner, change)

    async def forget(self, key: str, *, owner: str, at: datetime) -> bool:
        writing = (normalize_key(key), None, to_micros(at))

        def change(document: Document) -> tuple[Sequence[Writing], bool]:
            before = document.current
            if identifier(key) not in {identifier(fact.key) for fact in before}:
                return [], False
            return [writing], len(document.append("", [writing]).current) < len(before)

        return await self._change(owner, change)

    async def history(self, key: str, *, owner: str) -> list[Fact]:
        name = identifier(key)
        return (await self._read(owner)).history(name)

    async def erase_facts(self, keys: Mapping[str, datetime], *, owner: str) -> None:
        """Delete values until a read finds none: a writer elsewhere may write back what it read before."""
        ends = {identifier(key): to_micros(until) for key, until in keys.items()}
        async with self._lock(agent_name(owner)):
            for _ in range(ATTEMPTS):
                try:
                    if not await self._erase_once(ends, owner):
                        return
                except TryAgain:  # the agent was deleted; the next read shows what is there
                    continue
                finally:
                    self._since = object()
        raise TryAgain(TIER, "other writers won every attempt; try again")

    async def _erase_once(self, ends: Mapping[str, int], owner: str) -> bool:
        """Rewrite the blocks that hold such values; return whether there were any."""
        found = False
        for block in await self._agents.blocks(owner):
            document = await asyncio.to_thread(_parse, [block], owner)
            kept = document.without(ends)
            if kept.ids != document.ids:
                found = True
                await self._agents.write(block, await asyncio.to_thread(render, kept, owner))
        return found

    async def erase(self, *, owner: str) -> None:
        """Delete the owner's identity, facts and history permanently, even if they are unreadable."""
        async with self._lock(agent_name(owner)):
            try:
                for agent in await self._agents.find(owner):
                    await self._agents.delete(agent)
            finally:
                self._known.pop(owner, None)
                self._since = object()

    async def records(self, *, owner: str) -> Records:
        return (await self._read(owner)).records()

    async def restore(self, records: Records, *, owner: str) -> Records:
        def change(document: Document) -> tuple[Sequence[Writing], Records]:
            missing = records.without(document.records())
            facts = [(fact.key, fact.value, to_micros(fact.at)) for fact in missing.facts]
            identities = [(None, one.text, to_micros(one.at)) for one in missing.identities]
            return [*facts, *identities], missing

        return await self._change(owner, change)

    async def owners(self) -> list[str]:
        """Return the owners that have an agent, sorted.

        Raises:
            TierCorrupt: an owner's memory cannot be read.
        """
        return sorted({_readable(block, owner_of) async for block in self._agents.all_blocks()})

    async def aclose(self) -> None:
        """Close the connections; the next use reconnects."""
        await self._reads.end()
        await self._agents.client.aclose()

    async def _read(self, owner: str) -> Document:
        """Return the owner's document; concurrent reads share one request until the next write."""
        return await asyncio.shield(self._reads.joined((owner, self._since), partial(self._fetch, owner)))

    async def _fetch(self, owner: str) -> Document:
        known = [await self._agents.block(agent) for agent in self._known.get(owner, ())]
        blocks = [block for block in known if block is not None]
        if not blocks or len(blocks) < len(known):
            blocks = await self._agents.blocks(owner)
            self._known[owner] = tuple(block.agent for block in blocks)
        return await asyncio.to_thread(_parse, blocks, owner)

    async def _change(self, owner: str, change: Change[T]) -> T:
        """Commit a change and return its result.

        An attempt that finds the entries of an earlier one, whose answer was lost, writes nothing.
        """
        id_, results = uuid.uuid4().hex, list[T]()
        problem = TryAgain(TIER, "other writers won every attempt; try again")
        async with self._lock(agent_name(owner)):
            for attempt in range(ATTEMPTS):
                if attempt:
                    jitter = random.uniform(0.5, 1.5)  # noqa: S311
                    await asyncio.sleep(PAUSE * 2 ** (attempt - 1) * jitter)
                try:
                    if await self._attempt(owner, id_, change, results):
                        return results[-1]
                except TryAgain as error:
                    problem = error
                finally:
                    self._since = object()
        raise problem

    async def _attempt(self, owner: str, id_: str, change: Change[T], results: list[T]) -> bool:
        """Read, change, write and read back; return whether the entries are stored."""
        blocks = await self._agents.blocks(owner)
        if new := not blocks:
            blocks = await self._create(owner)
        before = await asyncio.to_thread(_parse, blocks, owner)
        if any(known.startswith(id_) for known in before.ids):
            return True
        writings, result = await asyncio.to_thread(change, before)
        results.append(result)
        if not writings:
            return True
        after = before.append(id_, writings)
        await self._agents.write(blocks[0], await asyncio.to_thread(render, after, owner))
        # Another writer's older agent may only be listed by now.
        self._known[owner] = () if new else (blocks[0].agent,)
        again = await self._agents.block(blocks[0].agent)
        stored = await asyncio.to_thread(_parse, [again] if again else [], owner)
        return after.ids - before.ids <= stored.ids

    async def _create(self, owner: str) -> list[Block]:
        """Create the owner's agent, and search again, because others may have created one concurrently."""
        await self._agents.create(owner, render(Document(), owner))
        blocks = await self._agents.blocks(owner)
        if not blocks:
            raise TierUnavailable(TIER, "Letta does not list the agent that it created; check the server")
        return blocks


def _parse(blocks: list[Block], owner: str) -> Document:
    return merge([_readable(block, partial(parse, owner=owner)) for block in blocks])


def _readable(block: Block, read: Callable[[str], T]) -> T:
    try:
        return read(block.value)
    except Unreadable as error:
        detail = f"the block {LABEL} of {block.agent} cannot be read ({error}); it is left as it is. "
        way_out = "Repair its text in Letta, or delete the agent to start over"
        raise TierCorrupt(TIER, detail + way_out) from None
