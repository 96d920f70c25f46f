"""Albums: files sent together arrive as one message each, and get one answer.

* `album:CHAT:ID`   hash: update of an album -> the update that answers them all
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from telegram import Message, Update

from bot.telegram.bot_context import BotContext
from bot.telegram.media.incoming import Incoming
from bot.telegram.place import place_of
from memory.working.redis_connection import translate_errors

_GATHERING_SECONDS = 0.7
"""Seconds to wait for the rest of an album."""
_LARGEST = 20
"""Waiting messages that are searched; an album has at most ten."""
_KEPT_SECONDS = 3 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Albums:
    """Collects the messages of an album."""

    context: BotContext

    async def collect(self, update: Update, message: Message) -> list[Message]:
        """Return the messages to answer together; none if another update of the album answers them."""
        if message.media_group_id is None or update.message is None:
            return [message]
        key = self.context.keys("album", message.chat.id, message.media_group_id)
        answered_by = await self._answered_by(key, update.update_id)
        if answered_by is not None and answered_by != update.update_id:
            return []
        await asyncio.sleep(_GATHERING_SECONDS)
        others = [other async for other in self._waiting_album(message)]
        updates = [update.update_id, *(other.update_id for other in others)]
        await self._note(key, updates)
        return [message, *(other.message for other in others if other.message)]

    async def _waiting_album(self, message: Message) -> AsyncIterator[Update]:
        """Yield the album's other updates that wait in the lane."""
        for raw in (await self._waiting(place_of(message).lane))[1:]:
            update_json = json.loads(raw)
            if update_json.get("message", {}).get("media_group_id") == message.media_group_id:
                yield Update.de_json(update_json, self.context.bot)

    @translate_errors()
    async def _waiting(self, lane: str) -> list[bytes | str]:
        client = await self.context.lanes.client()
        return await client.lrange(self.context.keys("lane", lane), 0, _LARGEST)

    @translate_errors()
    async def _answered_by(self, key: str, update_id: int) -> int | None:
        answered_by = await (await self.context.lanes.client()).hget(key, str(update_id))
        return None if answered_by is None else int(answered_by)

    @translate_errors()
    async def _note(self, key: str, updates: Sequence[int]) -> None:
        async with (await self.context.lanes.client()).pipeline(transaction=True) as pipeline:
            pipeline.hset(key, mapping={str(update_id): updates[0] for update_id in updates})
            pipeline.expire(key, _KEPT_SECONDS)
            await pipeline.execute()


def merge_messages(parts: Sequence[Incoming]) -> Incoming:
    """Merge several messages into one; it is private if one of them is.

    All messages of an album reply to the same message.
    """
    return Incoming(
        "\n".join(part.text for part in parts if part.text),
        tuple(dict.fromkeys(part for one in parts for part in one.parts)),
        tuple(file for part in parts for file in part.attachments),
        private=any(part.private for part in parts),
    )
