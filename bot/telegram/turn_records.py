"""Records of each turn in Redis: which messages show its answer, so that none is sent twice.

* `turn:ID`           hash, by the update that began the turn
* `asked:CHAT:ID`     the update of a person's message, for when that is edited
* `answer:CHAT:ID`    the update that a message of the bot answers, for reactions and links
* `epoch:LANE`        counts how often a new thread was begun
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from memory.working.redis_connection import translate_errors

KEPT_SECONDS = 90 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one bot."""

    bot_id: int

    def __call__(self, *names: str | int) -> str:
        """Return the key of these names, such as ("turn", 17)."""
        return ":".join([f"goat:{{telegram:{self.bot_id}}}", *map(str, names)])


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """What is known of a turn."""

    shown: tuple[int, ...] = ()
    """The messages that show the answer, in their order."""
    sent: bool = False
    """The answer is out, to its end."""
    turn_id: str = ""
    owner: str = ""
    decisions: str = ""
    """What was recalled and cut, as JSON."""
    link: str = ""
    """Where the message stands, when it has an address."""


@dataclass(frozen=True, slots=True)
class Records:
    """Read and write them. Every method raises `TierUnavailable` when Redis cannot be reached."""

    client: Callable[[], Awaitable[Redis]]
    keys: Keys

    @translate_errors()
    async def turn(self, update_id: int) -> TurnRecord:
        """Read the record of a turn; an empty one when there is none."""
        found: Any = await (await self.client()).hgetall(self.keys("turn", update_id))
        fields = {key.decode(): value.decode() for key, value in found.items()}
        return TurnRecord(
            shown=tuple(json.loads(fields.get("shown", "[]"))),
            sent="sent" in fields,
            turn_id=fields.get("turn_id", ""),
            owner=fields.get("owner", ""),
            decisions=fields.get("decisions", ""),
            link=fields.get("link", ""),
        )

    async def show(self, update_id: int, chat_id: int, shown: Sequence[int]) -> None:
        """Note which messages show the answer."""
        await self._write(update_id, shown=json.dumps(list(shown)))
        for message_id in shown:
            await self._point(self.keys("answer", chat_id, message_id), update_id)

    async def sent(self, update_id: int) -> None:
        """Note that the answer is out."""
        await self._write(update_id, sent="1")

    async def describe(self, update_id: int, *, turn_id: str, owner: str, decisions: str, link: str) -> None:
        """Note which turn it was, and what was decided in it."""
        await self._write(update_id, turn_id=turn_id, owner=owner, decisions=decisions, link=link)

    async def asked(self, chat_id: int, message_id: int, update_id: int) -> None:
        """Note which update a person's message came with."""
        await self._point(self.keys("asked", chat_id, message_id), update_id)

    async def asked_by(self, chat_id: int, message_id: int) -> int | None:
        """Return the update that a person's message came with, the latest edit counted."""
        return await self._pointed(self.keys("asked", chat_id, message_id))

    async def answered_by(self, chat_id: int, message_id: int) -> int | None:
        """Return the update that a message of the bot answers."""
        return await self._pointed(self.keys("answer", chat_id, message_id))

    @translate_errors()
    async def epoch(self, lane: str) -> int:
        """Return how often a new thread was begun in a lane."""
        return int(await (await self.client()).get(self.keys("epoch", lane)) or 0)

    @translate_errors()
    async def new_epoch(self, lane: str, update_id: int) -> None:
        """Begin a new thread in a lane, once for the update that asks for it."""
        client = await self.client()
        if await client.set(self.keys("epoch-by", update_id), 1, nx=True, ex=KEPT_SECONDS):
            await client.incr(self.keys("epoch", lane))

    @translate_errors()
    async def erase(self, owner: str) -> None:
        """Delete what is noted of the owner's turns; costs a look at every key of the server."""
        client = await self.client()
        async for key in client.scan_iter(match=self.keys("turn", "*"), count=1000):
            if await client.hget(key, "owner") == owner.encode("utf-8", "surrogatepass"):
                await client.unlink(key)

    @translate_errors()
    async def _write(self, update_id: int, **fields: str) -> None:
        key = self.keys("turn", update_id)
        async with (await self.client()).pipeline(transaction=True) as pipeline:
            pipeline.hset(key, mapping=dict(fields.items()))
            pipeline.expire(key, KEPT_SECONDS)
            await pipeline.execute()

    @translate_errors()
    async def _point(self, key: str, update_id: int) -> None:
        await (await self.client()).set(key, update_id, ex=KEPT_SECONDS)

    @translate_errors()
    async def _pointed(self, key: str) -> int | None:
        found = await (await self.client()).get(key)
        return None if found is None else int(found)
