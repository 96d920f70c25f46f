"""Letta agents, one per owner with one memory block: find, create, read, write and delete."""

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from memory.database import to_bytes
from memory.errors import FactsFull, TierCorrupt, TierUnavailable
from memory.permanent.letta.letta_http import LettaAddress, LettaClient, TryAgain
from memory.permanent.permanent_records import TIER

LABEL: Final = "goat-memory"
TAG: Final = "goat"
FIRST_LIMIT: Final = 100_000
MOST_CHARS: Final = 1_000_000
PAGE: Final = 50
NOT_FOUND: Final = 404
ABOUT: Final = (
    "The facts that GOAT keeps. Only the log is read back, the rest shows the current state; "
    "change it through GOAT only."
)
_MODEL: Final = "letta/letta-free"  # agents never run
_ID: Final = re.compile(r"(agent|block)-[0-9a-zA-Z-]{1,64}")
_SLIM: Final = {"include_relationships": "tags"}  # without it the answer contains the memory twice


class BlockFull(FactsFull):
    """The text does not fit into a memory block."""


@dataclass(frozen=True, slots=True)
class Block:
    """An agent's memory block as read.

    Attributes:
        agent: the agent's id.
        limit: the block's most characters, according to the server.
    """

    agent: str
    id: str
    value: str
    limit: int


def agent_name(owner: str) -> str:
    """Return the name of the owner's agent, which does not reveal the owner."""
    return f"goat-{hashlib.sha256(to_bytes(owner)).hexdigest()[:40]}"


class LettaAgents:
    def __init__(self, address: LettaAddress) -> None:
        self.client = LettaClient(address)

    async def find(self, owner: str) -> tuple[str, ...]:
        """Return the ids of the owner's agents, oldest first; agent names are not unique.

        Raises:
            TierCorrupt: the answer is not a list of agents, or contains another owner's agent.
        """
        name = agent_name(owner)
        found = await self._list({"name": name})
        if any(agent.get("name") != name for agent in found):
            raise TierCorrupt(TIER, "Letta answered with another owner's agent; nothing is read or written")
        return tuple(id_ for _, id_ in sorted((str(one.get("created_at")), _id(one)) for one in found))

    async def create(self, owner: str, value: str) -> None:
        """Create an agent for the owner with `value` as its memory."""
        block = {"label": LABEL, "value": value, "limit": FIRST_LIMIT, "description": ABOUT}
        shown = owner.encode("utf-8", "backslashreplace").decode()
        agent = {
            "name": agent_name(owner),
            "description": f"GOAT's long-term memory of {shown}",
            "tags": [TAG],
            "model": _MODEL,
            "embedding": _MODEL,
            "include_base_tools": False,
            "memory_blocks": [block],
        }
        await self.client.ask("POST", "/v1/agents/", body=agent)

    async def block(self, agent: str) -> Block | None:
        """Return an agent's block; None when the agent or its block does not exist."""
        status, body = await self.client.ask("GET", _block_path(agent), accept=(NOT_FOUND,))
        return None if status == NOT_FOUND else _parse_block(agent, body)

    async def blocks(self, owner: str) -> list[Block]:
        """Return the owner's blocks, the oldest agent's first; empty when there is no agent.

        The first is read last, so that a write can follow at once.

        Raises:
            TierUnavailable: there are agents, but their block was removed.
        """
        found = await self.find(owner)
        blocks = [block for agent in reversed(found) if (block := await self.block(agent))]
        if found and not blocks:
            raise TierUnavailable(
                TIER,
                f"{found[0]} has lost its block {LABEL}; attach it again in Letta, "
                "or delete the agent to start over",
            )
        return blocks[::-1]

    async def write(self, block: Block, value: str) -> None:
        """Replace the block's value, and raise its limit if needed.

        Addresses the block by id: by label, some versions overwrite another block if there is none.

        Raises:
            BlockFull: the value exceeds the limit of blocks, or of this server.
            TryAgain: the block was deleted.
        """
        change: dict[str, Any] = {"value": value}
        if len(value) > MOST_CHARS:
            raise _too_long(value, MOST_CHARS)
        if len(value) > block.limit:
            change["limit"] = min(MOST_CHARS, 2 * len(value))
        accept = (400, NOT_FOUND, 422)
        status, _ = await self.client.ask("PATCH", f"/v1/blocks/{block.id}", body=change, accept=accept)
        if status == NOT_FOUND:
            raise TryAgain(TIER, "the memory in Letta was deleted during the write; nothing was written")
        if status in accept:
            raise _too_long(value, block.limit)

    async def delete(self, agent: str) -> None:
        """Delete an agent and its block, even with unreadable content; missing ones are ignored."""
        try:
            _, body = await self.client.ask("GET", _block_path(agent), accept=(NOT_FOUND,))
        except TierCorrupt:
            body = None
        id_ = str(body.get("id")) if isinstance(body, dict) and body.get("label", LABEL) == LABEL else ""
        if id_.startswith("block-") and _ID.fullmatch(id_):
            await self.client.ask("DELETE", f"/v1/blocks/{id_}", accept=(NOT_FOUND,))
        await self.client.ask("DELETE", f"/v1/agents/{agent}", accept=(NOT_FOUND,))

    async def all_blocks(self) -> AsyncIterator[Block]:
        params = {"tags": TAG, "limit": str(PAGE), "order": "asc"}
        while True:
            page = [_id(agent) for agent in await self._list(params)]
            for agent in page:
                if block := await self.block(agent):
                    yield block
            if len(page) < PAGE:
                return
            params["after"] = page[-1]

    async def _list(self, params: dict[str, str]) -> list[dict[str, Any]]:
        _, body = await self.client.ask("GET", "/v1/agents/", params=params | _SLIM)
        if not isinstance(body, list) or not all(isinstance(item, dict) for item in body):
            raise TierCorrupt(TIER, "Letta answered with something that is not a list of agents")
        return body


def _block_path(agent: str) -> str:
    return f"/v1/agents/{agent}/core-memory/blocks/{LABEL}"


def _too_long(value: str, most: int) -> BlockFull:
    detail = (
        f"facts and history take {len(value):,} characters, and their block in Letta holds {most:,};"
        " raise its limit in Letta, or copy the facts to the embedded store with `goat facts copy`"
    )
    return BlockFull(TIER, detail)


def _id(found: dict[str, Any]) -> str:
    id_ = found.get("id")
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        raise TierCorrupt(TIER, "Letta answered with something that has no id")
    return id_


def _parse_block(agent: str, body: Any) -> Block:
    match body:
        case {"label": label, "value": str(value), "limit": int(limit)} if label == LABEL:
            return Block(agent, _id(body), value, limit)
    raise TierCorrupt(TIER, f"Letta answered with something that is not the block {LABEL}")
