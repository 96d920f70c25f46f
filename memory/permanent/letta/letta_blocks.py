"""Owners' documents in blocks on a Letta server: find, create, read, write and delete."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from memory.errors import TierCorrupt, TierUnavailable
from memory.permanent.letta.letta_agents import LABEL, Block, LettaAgents
from memory.permanent.letta.letta_document import Document
from memory.permanent.letta.letta_http import LettaAddress
from memory.permanent.letta.letta_text import Unreadable, owner_of, parse, render
from memory.permanent.store_rules import TIER

KNOWN_OWNERS: Final = 10_000
_EMPTY: Final = Document()


class LettaBlocks:
    """Reads and writes documents in blocks; caches which agents hold an owner's document."""

    def __init__(self, agents: LettaAgents, address: LettaAddress) -> None:
        self._agents = agents
        self._address = address
        self._known: dict[str, tuple[str, ...]] = {}

    async def read(self, owner: str) -> Document:
        """Return the owner's document, merged from all agents that hold a part of it."""
        known = self._known.get(owner, ())
        blocks = [await self._agents.block(agent) for agent in known]
        there = [block for block in blocks if block is not None]
        if not known or len(there) < len(known):
            there = await self.find(owner)
        documents = await self.parse(owner, there)
        self.remember(owner, there, documents)
        return merge(documents)

    async def find(self, owner: str) -> list[Block]:
        """Return the owner's blocks, starting with the one to write to; empty when there is no agent.

        It is read last, so that a write can follow at once.

        Raises:
            TierUnavailable: there are agents, but their block was removed.
        """
        found = await self._agents.find(owner)
        blocks = [await self._agents.block(agent) for agent in reversed(found)]
        there = [block for block in reversed(blocks) if block is not None]
        if found and not there:
            raise TierUnavailable(
                TIER,
                f"{found[0]} has lost its block {LABEL}; attach it again in Letta, "
                "or delete the agent to start over",
            )
        return there

    async def make(self, owner: str) -> list[Block]:
        """Create the owner's agent, and search again, because others may have created one concurrently."""
        await self._agents.create(owner, render(_EMPTY, owner), self._address)
        blocks = await self.find(owner)
        if not blocks:
            raise TierUnavailable(TIER, "Letta does not list the agent that it created; check the server")
        return blocks

    async def parse(self, owner: str, blocks: list[Block]) -> list[Document]:
        """Parse the document in each block.

        Raises:
            TierCorrupt: a block cannot be read.
        """
        return [await asyncio.to_thread(_parse, block, owner) for block in blocks]

    async def write(self, block: Block, document: Document, owner: str) -> list[Document]:
        """Write a document to a block, and read the block back; empty when the block was deleted."""
        await self._agents.write(block, await asyncio.to_thread(render, document, owner))
        again = await self._agents.block(block.agent)
        return await self.parse(owner, [again] if again is not None else [])

    async def delete(self, owner: str) -> None:
        """Delete the owner's agents and blocks, even unreadable ones."""
        try:
            for agent in await self._agents.find(owner):
                await self._agents.delete(agent)
        finally:
            self.forget(owner)

    async def owners(self) -> list[str]:
        """Return the owners that have a block, sorted.

        Raises:
            TierCorrupt: a block cannot be read.
        """
        blocks = [await self._agents.block(agent) async for agent in self._agents.all()]
        return sorted({_owner(block) for block in blocks if block is not None})

    def remember(self, owner: str, blocks: list[Block], documents: list[Document]) -> None:
        """Cache the first agent, and the others that hold entries missing from it."""
        if len(self._known) >= KNOWN_OWNERS:
            self._known.clear()
        pairs = list(zip(blocks, documents, strict=False))
        more = [block.agent for block, held in pairs[1:] if held.ids - documents[0].ids]
        self._known[owner] = (pairs[0][0].agent, *more) if pairs else ()

    def forget(self, owner: str) -> None:
        """Search for the owner's agents again next time."""
        self._known.pop(owner, None)


def merge(documents: list[Document]) -> Document:
    """Merge an owner's documents."""
    return documents[0].merge(documents[1:]) if documents else _EMPTY


def _parse(block: Block, owner: str) -> Document:
    with _translate_errors(block):
        return parse(block.value, owner)


def _owner(block: Block) -> str:
    with _translate_errors(block):
        return owner_of(block.value)


@contextmanager
def _translate_errors(block: Block) -> Iterator[None]:
    try:
        yield
    except Unreadable as error:
        detail = f"the block {LABEL} of {block.agent} cannot be read ({error}); it is left as it is. "
        way_out = "Repair its text in Letta, or delete the agent to start over"
        raise TierCorrupt(TIER, detail + way_out) from None
