"""The blocks in which owners' documents stand on a Letta server: found, made, read, written, deleted."""

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
    """Documents as they stand in blocks; which agents to ask for an owner's is remembered."""

    def __init__(self, agents: LettaAgents, address: LettaAddress) -> None:
        self._agents = agents
        self._address = address
        self._known: dict[str, tuple[str, ...]] = {}

    async def read(self, owner: str) -> Document:
        """Read the owner's document, from all agents that hold some of it."""
        known = self._known.get(owner, ())
        blocks = [await self._agents.block(agent) for agent in known]
        there = [block for block in blocks if block is not None]
        if not known or len(there) < len(known):
            there = await self.find(owner)
        documents = await self.parsed(owner, there)
        self.remember(owner, there, documents)
        return united(documents)

    async def find(self, owner: str) -> list[Block]:
        """Find the owner's blocks, the one that is written to first; none when there is no agent.

        That one is read last, so that a write can follow at once.

        Raises:
            TierUnavailable: there are agents, but somebody took their memory away.
        """
        found = await self._agents.find(owner)
        blocks = [await self._agents.block(agent) for agent in reversed(found)]
        there = [block for block in reversed(blocks) if block is not None]
        if found and not there:
            raise TierUnavailable(
                TIER,
                f"{found[0]} has lost its block {LABEL}; attach that to it again in Letta, "
                "or delete the agent to begin anew",
            )
        return there

    async def make(self, owner: str) -> list[Block]:
        """Make the owner's agent, and look again, since others may do so at the same time."""
        await self._agents.create(owner, render(_EMPTY, owner), self._address)
        blocks = await self.find(owner)
        if not blocks:
            raise TierUnavailable(TIER, "Letta does not list the agent that it made; see whether it is well")
        return blocks

    async def parsed(self, owner: str, blocks: list[Block]) -> list[Document]:
        """Return what stands in each block.

        Raises:
            TierCorrupt: one of them cannot be read.
        """
        return [await asyncio.to_thread(_parsed, block, owner) for block in blocks]

    async def write(self, block: Block, document: Document, owner: str) -> list[Document]:
        """Put a document in a block, and return what stands there then; nothing when the block is gone."""
        await self._agents.write(block, await asyncio.to_thread(render, document, owner))
        again = await self._agents.block(block.agent)
        return await self.parsed(owner, [again] if again is not None else [])

    async def delete(self, owner: str) -> None:
        """Delete the owner's agents and blocks, also those that cannot be read."""
        try:
            for agent in await self._agents.find(owner):
                await self._agents.delete(agent)
        finally:
            self.forget(owner)

    async def owners(self) -> list[str]:
        """List the owners that have a block, sorted.

        Raises:
            TierCorrupt: one of the blocks cannot be read.
        """
        blocks = [await self._agents.block(agent) async for agent in self._agents.all()]
        return sorted({_owner(block) for block in blocks if block is not None})

    def remember(self, owner: str, blocks: list[Block], documents: list[Document]) -> None:
        """Remember which agents to ask next time: those that hold something besides the first."""
        if len(self._known) >= KNOWN_OWNERS:
            self._known.clear()
        pairs = list(zip(blocks, documents, strict=False))
        more = [block.agent for block, held in pairs[1:] if held.ids - documents[0].ids]
        self._known[owner] = (pairs[0][0].agent, *more) if pairs else ()

    def forget(self, owner: str) -> None:
        """Look for the owner's agents again next time."""
        self._known.pop(owner, None)


def united(documents: list[Document]) -> Document:
    """Return all that stands in one owner's documents, as one."""
    return documents[0].united(documents[1:]) if documents else _EMPTY


def _parsed(block: Block, owner: str) -> Document:
    with _named(block):
        return parse(block.value, owner)


def _owner(block: Block) -> str:
    with _named(block):
        return owner_of(block.value)


@contextmanager
def _named(block: Block) -> Iterator[None]:
    try:
        yield
    except Unreadable as error:
        detail = f"the block {LABEL} of {block.agent} cannot be read ({error}); it is left as it is. "
        way_out = "Mend its text in Letta, or delete the agent to begin anew"
        raise TierCorrupt(TIER, detail + way_out) from None
