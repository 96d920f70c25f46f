"""Letta agents, one per owner with one memory block: find, create, read, write and delete."""

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from memory.errors import FactsFull, TierCorrupt
from memory.permanent.letta.letta_http import LettaAddress, LettaClient, TryAgain
from memory.permanent.store_rules import TIER

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
    return f"goat-{hashlib.sha256(owner.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


class LettaAgents:
    """The owners' agents on one server."""

    def __init__(self, client: LettaClient) -> None:
        self._client = client

    async def find(self, owner: str) -> tuple[str, ...]:
        """Return the ids of the owner's agents, oldest first; agent names are not unique.

        Raises:
            TierCorrupt: the answer is not a list of agents, or contains another owner's agent.
        """
        name = agent_name(owner)
        found = _require_list(await self._client.ask("GET", "/v1/agents/", params={"name": name} | _SLIM))
        if any(agent.get("name") != name for agent in found):
            raise TierCorrupt(TIER, "Letta answered with another owner's agent; nothing is read or written")
        return tuple(agent_id for _, agent_id in sorted((_created_at(agent), _id(agent)) for agent in found))

    async def create(self, owner: str, value: str, address: LettaAddress) -> None:
        """Create an agent for the owner with `value` as its memory."""
        block = {"label": LABEL, "value": value, "limit": FIRST_LIMIT, "description": ABOUT}
        shown = owner.encode("utf-8", "backslashreplace").decode()
        agent = {
            "name": agent_name(owner),
            "description": f"GOAT's long-term memory of {shown}",
            "tags": [TAG],
            "model": address.model,
            "embedding": address.embedding,
            "include_base_tools": False,
            "memory_blocks": [block],
        }
        await self._client.ask("POST", "/v1/agents/", body=agent)

    async def block(self, agent: str) -> Block | None:
        """Return an agent's block; None when the agent or its block does not exist."""
        path = f"/v1/agents/{agent}/core-memory/blocks/{LABEL}"
        answer = await self._client.ask("GET", path, accept=(NOT_FOUND,))
        return None if answer.status == NOT_FOUND else _parse_block(agent, answer.body)

    async def write(self, block: Block, value: str) -> None:
        """Replace the block's value, and raise its limit if needed.

        Addresses the block by id: by label, some versions overwrite another block if there is none.

        Raises:
            BlockFull: the value exceeds the limit of blocks, or of this server.
            TryAgain: the block was deleted.
            TierCorrupt: the server wrote another value or block.
        """
        change: dict[str, Any] = {"value": value}
        if len(value) > MOST_CHARS:
            raise BlockFull(TIER, _too_long(value, MOST_CHARS))
        if len(value) > block.limit:
            change["limit"] = min(MOST_CHARS, 2 * len(value))
        answer = await self._client.ask(
            "PATCH", f"/v1/blocks/{block.id}", body=change, accept=(400, NOT_FOUND, 422)
        )
        if answer.status in (400, 422):
            raise BlockFull(TIER, _too_long(value, block.limit))
        if answer.status == NOT_FOUND:
            raise TryAgain(TIER, "the memory in Letta was deleted during the write; nothing was written")
        written = _parse_block(block.agent, answer.body)
        if written.id != block.id or written.value != value:
            raise TierCorrupt(TIER, "Letta stored something else than it was sent; check the server")

    async def delete(self, agent: str) -> None:
        """Delete an agent and its block, even with unreadable content; missing ones are ignored."""
        block = await self._block_id(agent)
        if block is not None:
            await self._client.ask("DELETE", f"/v1/blocks/{block}", accept=(NOT_FOUND,))
        await self._client.ask("DELETE", f"/v1/agents/{agent}", accept=(NOT_FOUND,))

    async def _block_id(self, agent: str) -> str | None:
        """Return the id of an agent's block; None when it is missing or the answer is unreadable."""
        path = f"/v1/agents/{agent}/core-memory/blocks/{LABEL}"
        try:
            answer = await self._client.ask("GET", path, accept=(NOT_FOUND,))
        except TierCorrupt:
            return None
        found = answer.body if isinstance(answer.body, dict) else {}
        id_ = str(found.get("id"))
        is_ours = found.get("label", LABEL) == LABEL and id_.startswith("block-")
        return id_ if is_ours and _ID.fullmatch(id_) else None

    async def all(self) -> AsyncIterator[str]:
        """Yield the ids of all owners' agents, oldest first."""
        params = {"tags": TAG, "limit": str(PAGE), "order": "asc"} | _SLIM
        seen: set[str] = set()
        while True:
            page = _require_list(await self._client.ask("GET", "/v1/agents/", params=params))
            fresh = [agent for agent in map(_id, page) if agent not in seen]
            for agent in fresh:
                yield agent
            if not fresh or len(page) < PAGE:
                return
            seen.update(fresh)
            params["after"] = _id(page[-1])


def _too_long(value: str, most: int) -> str:
    return (
        f"facts and history take {len(value):,} characters, and their block in Letta holds {most:,};"
        " raise its limit in Letta, or copy the facts to the embedded store with `goat facts copy`"
    )


def _require_list(answer: Any) -> list[dict[str, Any]]:
    if not isinstance(answer.body, list) or not all(isinstance(item, dict) for item in answer.body):
        raise TierCorrupt(TIER, "Letta answered with something that is not a list of agents")
    return list(answer.body)


def _id(found: dict[str, Any]) -> str:
    id_ = found.get("id")
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        raise TierCorrupt(TIER, "Letta answered with something that has no id")
    return id_


def _created_at(agent: dict[str, Any]) -> datetime:
    try:
        at = datetime.fromisoformat(str(agent.get("created_at")))
    except ValueError:
        raise TierCorrupt(TIER, "Letta answered with an agent without a creation time") from None
    return at if at.utcoffset() is not None else at.replace(tzinfo=UTC)


def _parse_block(agent: str, body: Any) -> Block:
    found = body if isinstance(body, dict) else {}
    value, limit = found.get("value"), found.get("limit")
    if found.get("label") != LABEL or not isinstance(value, str) or type(limit) is not int:
        raise TierCorrupt(TIER, f"Letta answered with something that is not the block {LABEL}")
    return Block(agent, _id(found), value, limit)
