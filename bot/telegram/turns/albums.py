"""Albums: pictures and files that were sent together come as a message each, and are answered as one.

* `album:CHAT:ID`   hash of the updates of an album to the update that answers them all
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
"""The messages of an album come in one after the other."""
_LARGEST = 20
"""Messages behind the first that are looked at; an album has at most ten."""
_KEPT_SECONDS = 3 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Albums:
    """Put together what was sent together."""

    desk: BotContext

    async def gathered(self, update: Update, message: Message) -> list[Message]:
        """Return the messages that are answered together with this one; none when another one answers it."""
        if message.media_group_id is None or update.message is None:
            return [message]
        key = self.desk.keys("album", message.chat.id, message.media_group_id)
        answered_by = await self._answered_by(key, update.update_id)
        if answered_by is not None and answered_by != update.update_id:
            return []
        await asyncio.sleep(_GATHERING_SECONDS)
        found = [other async for other in self._behind(message)]
        updates = [update.update_id, *(other.update_id for other in found)]
        await self._note(key, updates)
        return [message, *(other.message for other in found if other.message)]

    async def _behind(self, message: Message) -> AsyncIterator[Update]:
        """Yield the updates of the same album that wait behind the first one in the lane."""
        for raw in (await self._waiting(place_of(message).lane))[1:]:
            found = json.loads(raw)
            if found.get("message", {}).get("media_group_id") == message.media_group_id:
                yield Update.de_json(found, self.desk.bot)

    @translate_errors()
    async def _waiting(self, lane: str) -> list[bytes | str]:
        client = await self.desk.lanes.client()
        return await client.lrange(self.desk.keys("lane", lane), 0, _LARGEST)

    @translate_errors()
    async def _answered_by(self, key: str, update_id: int) -> int | None:
        found = await (await self.desk.lanes.client()).hget(key, str(update_id))
        return None if found is None else int(found)

    @translate_errors()
    async def _note(self, key: str, updates: Sequence[int]) -> None:
        async with (await self.desk.lanes.client()).pipeline(transaction=True) as pipeline:
            pipeline.hset(key, mapping={str(update_id): updates[0] for update_id in updates})
            pipeline.expire(key, _KEPT_SECONDS)
            await pipeline.execute()


def together(parts: Sequence[Incoming]) -> Incoming:
    """Return what several messages say as one; it is private when one of them is.

    All of an album reply to the same message.
    """
    return Incoming(
        "\n".join(part.text for part in parts if part.text),
        tuple(dict.fromkeys(part for one in parts for part in one.parts)),
        tuple(file for part in parts for file in part.attachments),
        private=any(part.private for part in parts),
    )
