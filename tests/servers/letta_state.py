"""Contents and answers of a Letta server, as recorded from 0.16.8 and older versions."""

import asyncio
import itertools
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

DEFAULT_LIMIT = 100_000
WRITING = 0.002  # seconds of a write, during which another write to the same block collides
HIGHEST_LIMIT = 2**31 - 1
AGENT_ID, BLOCK_ID = (
    re.compile(rf"{kind}-[0-9a-f]{{8}}-[0-9a-f]{{4}}-4[0-9a-f]{{3}}-[89ab][0-9a-f]{{3}}-[0-9a-f]{{12}}")
    for kind in ("agent", "block")
)


class Refused(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(eq=False)
class Block:
    """A block of memory."""

    label: str
    value: str
    limit: int = DEFAULT_LIMIT
    description: str | None = None
    tags: list[str] = field(default_factory=list)
    id: str = field(default_factory=lambda: f"block-{uuid.uuid4()}")
    writers: int = 0

    def as_json(self) -> dict[str, Any]:
        shown = {"value": self.value, "limit": self.limit, "is_template": False, "label": self.label}
        about: dict[str, Any] = {"description": self.description, "metadata": {}, "read_only": False}
        return {**shown, **about, "id": self.id, "tags": self.tags}


@dataclass(eq=False)
class Agent:
    """An agent with its blocks."""

    name: str
    model: str
    embedding: str | None
    description: str | None
    tags: list[str]
    blocks: list[Block]
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    id: str = field(default_factory=lambda: f"agent-{uuid.uuid4()}")

    def as_json(self, *, slim: bool = False) -> dict[str, Any]:
        blocks = [] if slim else [block.as_json() for block in self.blocks]
        at = self.created_at.isoformat().replace("+00:00", "Z")
        about = {"created_at": at, "updated_at": at, "id": self.id, "name": self.name, "model": self.model}
        more = {"embedding": self.embedding, "description": self.description, "tags": self.tags}
        memory = {"agent_type": "letta_v1_agent", "blocks": blocks, "file_blocks": []}
        return {**about, **more, "agent_type": "letta_v1_agent", "memory": memory, "blocks": blocks}


class LettaState:
    """Agents and blocks.

    Args:
        strict: refuse values over a block's limit, and let one of two concurrent writers lose, as old
            versions did; otherwise store values over the limit, as 0.16.8 does, and write to another block
            when the label does not exist, as 0.8.17 to 0.16.1 did.
    """

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.stray_label_refused = strict
        self.agents: list[Agent] = []
        self.blocks: list[Block] = []
        self._losers = itertools.cycle((409, 500))

    async def answer(
        self, method: str, path: str, ids: dict[str, Any], params: dict[str, str], body: Any
    ) -> Any:
        """Answer a request."""
        if path == "/v1/health/":
            return {"version": "0.16.8", "status": "ok"}
        if path.startswith("/v1/blocks/"):
            return await self._block_request(method, ids.get("block"), params, body)
        if "agent" not in ids:
            return self._create(body) if method == "POST" else self._listed(params)
        agent = self._agent(ids["agent"])
        if "core-memory" in path:
            return await self._core_memory(method, agent, ids.get("label"), body)
        self.agents.remove(agent)
        return {"message": f"Agent id={agent.id} successfully deleted"}

    def named(self, name: str) -> list[Agent]:
        """Return the agents of a name, newest first."""
        return [agent for agent in reversed(self.agents) if agent.name == name]

    def _listed(self, params: dict[str, str]) -> list[Any]:
        agents = self.agents if params.get("order") == "asc" else self.agents[::-1]
        if "name" in params:
            agents = [agent for agent in agents if agent.name == params["name"]]
        if "tags" in params:
            agents = [agent for agent in agents if params["tags"] in agent.tags]
        if "after" in params:
            agents = agents[[agent.id for agent in agents].index(params["after"]) + 1 :]
        slim = "include_relationships" in params
        return [agent.as_json(slim=slim) for agent in agents[: int(params.get("limit", 50))]]

    def _create(self, body: Any) -> dict[str, Any]:
        if "model" not in body:
            raise Refused(400, "INVALID_ARGUMENT: Must specify either model or llm_config in request")
        if not body["model"].startswith("letta/"):
            raise Refused(404, f"NOT_FOUND: Handle {body['model']} not found, must be one of []")
        blocks = [self._new_block(given) for given in body.get("memory_blocks", [])]
        agent = Agent(
            name=body["name"],
            model=body["model"],
            embedding=body.get("embedding"),
            description=body.get("description"),
            tags=body.get("tags", []),
            blocks=blocks,
        )
        self.agents.append(agent)
        return agent.as_json()

    def _new_block(self, given: dict[str, Any]) -> Block:
        if "label" not in given:
            raise Refused(422, "[{'type': 'missing', 'loc': ('body', 'label'), 'msg': 'Field required'}]")
        limit = given.get("limit", DEFAULT_LIMIT)
        self._check_limit(given["value"], limit)
        value, tags = given["value"].replace("\0", ""), given.get("tags", [])
        block = Block(given["label"], value, limit, given.get("description"), tags)
        self.blocks.append(block)
        return block

    def _agent(self, id_: str) -> Agent:
        if not AGENT_ID.fullmatch(id_):
            raise Refused(422, "[{'type': 'string_pattern_mismatch', 'loc': ('path', 'agent_id')}]")
        for agent in self.agents:
            if agent.id == id_:
                return agent
        raise Refused(404, f"Agent not found with id='['{id_}']'")

    async def _core_memory(self, method: str, agent: Agent, label: str | None, body: Any) -> Any:
        if label is None:
            return [block.as_json() for block in agent.blocks]
        found = [block for block in agent.blocks if block.label == label]
        if not found and method == "PATCH" and agent.blocks and not self.stray_label_refused:
            found = agent.blocks[:1]
        if not found:
            raise Refused(404, f"No block with label '{label}' found for agent '{agent.id}'")
        return await self._patched(found[0], body) if method == "PATCH" else found[0].as_json()

    async def _block_request(self, method: str, id_: str | None, params: dict[str, str], body: Any) -> Any:
        if id_ is None:
            if method == "POST":
                return self._new_block(body).as_json()
            wanted = [b for b in self.blocks if params.get("label") in (None, b.label)]
            return [block.as_json() for block in wanted[: int(params.get("limit", 50))]]
        block = self._block(id_)
        if method == "PATCH":
            return await self._patched(block, body)
        if method == "DELETE":
            self.blocks.remove(block)
            for agent in self.agents:
                agent.blocks = [other for other in agent.blocks if other is not block]
            return None
        return block.as_json()

    def _block(self, id_: str) -> Block:
        if not BLOCK_ID.fullmatch(id_):
            raise Refused(422, "[{'type': 'string_pattern_mismatch', 'loc': ('path', 'block_id')}]")
        for block in self.blocks:
            if block.id == id_:
                return block
        raise Refused(404, f"Block with id '{id_}' not found")

    async def _patched(self, block: Block, body: Any) -> dict[str, Any]:
        value, limit = body.get("value", block.value), body.get("limit", block.limit)
        if not isinstance(value, str):
            raise Refused(422, "[{'type': 'string_type', 'loc': ('body', 'value')}]")
        if limit > HIGHEST_LIMIT:
            raise Refused(500, "A database error occurred.")
        self._check_limit(value, limit)
        block.writers += 1
        began = block.writers
        await asyncio.sleep(WRITING)
        if self.strict and block.writers != began:
            raise Refused(next(self._losers), "A concurrent write was faster.")
        block.value, block.limit, block.label = value.replace("\0", ""), limit, body.get("label", block.label)
        return block.as_json()

    def _check_limit(self, value: str, limit: int) -> None:
        if self.strict and len(value) > limit:
            raise Refused(400, f"Edit failed: Exceeds {limit} character limit (requested {len(value)})")
