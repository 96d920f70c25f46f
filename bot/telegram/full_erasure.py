"""Erasure from the agent's stores and from what bots keep in Redis: questions, turn records, dead updates.

Importing this module does not import the library of Telegram, so that `goat forget` starts without it.
"""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from bot.telegram.place import lane_of
from graph.runtime.agent import Agent
from graph.runtime.erasure_search import words_of
from memory.permanent.permanent_records import identifier
from memory.working.redis_connection import translate_errors


@dataclass(frozen=True, slots=True)
class Erased:
    left: Sequence[str]
    """What may remain on a disk, one sentence each."""
    words: Sequence[str]
    """Texts of it, to search every store for."""


@dataclass(frozen=True, slots=True)
class FullErasure:
    """Erases data of an owner.

    Every method scans all keys of Redis, and raises `TierUnavailable` when it cannot be reached, and what
    `Agent.erase` and `Agent.forget` raise.
    """

    agent: Agent
    bot: str = "*"
    """The id of one bot; by default, all bots that use this Redis."""
    spared: str = ""
    """Key of the question whose answer is being carried out: after a crash, it is read again."""

    async def everything(self, owner: str) -> Erased:
        """Erase all data of an owner."""
        await self._drop_questions(owner)
        await self._drop_records(owner)
        await self._drop_dead(owner)
        words = await words_of(self.agent.layers, owner=owner)
        left = await self.agent.erase(owner)
        await self._drop_records(owner)  # stopped turns may have written records meanwhile
        return Erased(left, words)

    async def fact(self, key: str, owner: str) -> Erased:
        """Erase a fact with its earlier values."""
        versions = await self.agent.removal.facts.versions(key, owner)
        left = await self.agent.forget(owner=owner, facts=[key])
        await self._drop_fact_questions(owner, key)
        return Erased(left, [one.value for one in versions])

    async def turns(self, turn_ids: Sequence[str], owner: str) -> Erased:
        """Erase turns with the earlier versions of their messages."""
        versions = await self.agent.removal.versions([*turn_ids], owner)
        await self._drop_questions(owner, versions)
        words = await words_of(self.agent.layers, versions, owner=owner)
        left = await self.agent.forget(turn_ids, owner=owner)
        await self._drop_records(owner, versions)
        return Erased(left, words)

    @translate_errors()
    async def _drop_questions(self, owner: str, turn_ids: Collection[str] = ()) -> None:
        """Delete the questions about tool calls and corrections of turns; by default all of an owner."""
        client = await self.agent.layers.redis.client()
        for name in ("tool", "correction") if turn_ids else ("tool", "correction", "forget"):
            async for key, asked in self._questions(name, owner):
                if not turn_ids or asked.get("turn_id") in turn_ids:
                    await client.unlink(key)

    @translate_errors()
    async def _drop_fact_questions(self, owner: str, fact: str) -> None:
        """Delete the questions that end with a fact: to forget it, and of turns that no longer wait."""
        client = await self.agent.layers.redis.client()
        async for key, asked in self._questions("forget", owner):
            if asked.get("key") and identifier(asked["key"]) == identifier(fact):
                await client.unlink(key)
        async for key, asked in self._questions("tool", owner):
            waiting = await self.agent.waiting(asked["thread"], owner=owner)
            if waiting is None or waiting.turn_id != asked["turn_id"]:
                await client.unlink(key)

    @translate_errors()
    async def _drop_records(self, owner: str, turn_ids: Sequence[str] = ()) -> None:
        """Delete the records of an owner's turns, by default of all turns."""
        client, chosen = await self.agent.layers.redis.client(), [*map(_bytes, turn_ids)]
        for key in await self._keys("turn:*"):
            whose, turn_id = await client.hmget(key, ["owner", "turn_id"])
            if whose == _bytes(owner) and (not turn_ids or turn_id in chosen):
                await client.unlink(key)

    @translate_errors()
    async def _drop_dead(self, owner: str) -> None:
        client = await self.agent.layers.redis.client()
        for key in await self._keys("dead"):
            records: Any = await client.lrange(key, 0, -1)
            for record in records:
                chat_id = _chat(record)
                if chat_id and await self._owner(chat_id, key.removesuffix(b"dead") + b"moved") == owner:
                    await client.lrem(key, 1, record)

    async def _owner(self, chat_id: int, moved: bytes) -> str:
        """Return the owner of a chat's memory, as `BotContext.owner` does."""
        settings = self.agent.layers.settings
        if chat_id > 0:
            return settings.owner if chat_id == settings.telegram_me else f"telegram-{chat_id}"
        client = await self.agent.layers.redis.client()
        return f"telegram-group-{abs(int(await client.hget(moved, str(chat_id)) or chat_id))}"

    async def _questions(self, name: str, owner: str) -> AsyncIterator[tuple[bytes, dict[str, Any]]]:
        """Yield the owner's open questions of a kind: key and content."""
        client = await self.agent.layers.redis.client()
        for key in await self._keys(f"{name}:*"):
            found = await client.get(key)
            asked = json.loads(found) if found else {}
            if asked.get("owner") == owner and key.decode() != self.spared:
                yield key, asked

    async def _keys(self, name: str) -> list[bytes]:
        client = await self.agent.layers.redis.client()
        match = f"goat:{{telegram:{self.bot}}}:{name}"
        return [key async for key in client.scan_iter(match=match, count=1000)]


def _chat(record: bytes) -> int:
    """Return the chat of a dead update; 0 if it cannot be parsed."""
    try:
        return int(lane_of(json.loads(json.loads(record)["update"])).partition(":")[0])
    except (ValueError, AttributeError):
        return 0


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
