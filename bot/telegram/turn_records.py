"""Records of each turn in Redis: the messages of its answer, so that none is sent twice.

* `turn:ID`           hash, by the update that started the turn
* `asked:CHAT:ID`     update of a person's message, for edits
* `answer:CHAT:ID`    update that a message of the bot answers, for reactions and links
* `latest:CHAT`       latest known id of a message of the bot; 0 for the chats that share their ids
* `epoch:LANE`        number of threads started before
* `reply:LANE`        id of the turn that is being answered in a chat or topic
* `stop:TURN`         exists once a person asked to stop this turn
"""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from bot.telegram.place import Place
from memory.working.redis_connection import GetRedis, run_script, translate_errors

KEPT_SECONDS = 90 * 24 * 60 * 60
_RUNNING_SECONDS = 10
"""Renewed while a turn runs; a killed process leaves the key for this long."""
_STOP_SECONDS = 60 * 60
_TEXTS = ("turn_id", "owner", "decisions", "link", "earlier", "corrects", "burst")
"""Fields of a turn's record that are stored as they are."""
_NOTE_SENT = """
local shown = cjson.decode(redis.call('HGET', KEYS[1], 'shown') or '[]')
local place, id = tonumber(ARGV[1]) + 1, tonumber(ARGV[2])
if tonumber(redis.call('GET', KEYS[3]) or '0') < id then redis.call('SET', KEYS[3], ARGV[2]) end
redis.call('HDEL', KEYS[1], 'sending')
if shown[place] then return shown[place] end
shown[place] = id
redis.call('HSET', KEYS[1], 'shown', cjson.encode(shown))
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4])
return id
"""
"""KEYS: turn, answer, latest. ARGV: place in the answer, message, update, seconds."""


@dataclass(frozen=True, slots=True)
class BotKeys:
    """The Redis keys of one bot."""

    bot_id: int

    def __call__(self, *names: str | int) -> str:
        """Return the key for these parts, such as ("turn", 17)."""
        return ":".join([f"goat:{{telegram:{self.bot_id}}}", *map(str, names)])


@dataclass(frozen=True, slots=True)
class Sending:
    """A message that may or may not have been sent."""

    after: int
    """Its id is higher than this."""
    content: str
    """Its content's `fingerprint`."""


@dataclass(frozen=True, slots=True)
class TurnRecord:
    shown: tuple[int, ...] = ()
    """Ids of the answer's messages, in order."""
    sending: Sending | None = None
    """The answer's next message, if it may have been sent."""
    sent: bool = False
    """True once the whole answer is delivered."""
    turn_id: str = ""
    owner: str = ""
    decisions: str = ""
    """Recall decisions as JSON."""
    link: str = ""
    """URL of the person's message, if it has one."""
    earlier: str = ""
    """Turn id of the turn that it replaces, as `/retry` found it."""
    later: int = 0
    """Update of the `/retry` or the correction that replaced it."""
    asker: int = 0
    """Id of the person who asked."""
    corrects: str = ""
    """Turn id of the wrong turn that its message corrects."""
    burst: str = ""
    """The messages that it answers together, as JSON; empty for a single one."""


@dataclass(frozen=True, slots=True)
class TurnRecords:
    """Reads and writes turn records. Every method raises `TierUnavailable` when Redis cannot be reached."""

    client: GetRedis
    keys: BotKeys

    @translate_errors()
    async def turn(self, update_id: int | None) -> TurnRecord:
        """Return a turn's record; an empty one if there is none."""
        if update_id is None:
            return TurnRecord()
        found: Any = await (await self.client()).hgetall(self.keys("turn", update_id))
        fields = {key.decode(): value.decode() for key, value in found.items()}
        sending = json.loads(fields.get("sending", "null"))
        return TurnRecord(
            shown=tuple(json.loads(fields.get("shown", "[]"))),
            sending=Sending(*sending) if sending else None,
            sent="sent" in fields,
            later=int(fields.get("later", 0)),
            asker=int(fields.get("asker", 0)),
            **{name: fields[name] for name in _TEXTS if name in fields},
        )

    async def latest_turn(self, update_id: int | None, *, before: int = 0) -> TurnRecord:
        """Return the record of a turn, or of the last one that replaced it before the update `before`."""
        record = await self.turn(update_id)
        while record.later and record.later != before:
            record = await self.turn(record.later)
        return record

    @translate_errors()
    async def note_messages(self, update_id: int, chat_id: int, message_ids: Sequence[int]) -> None:
        """Record the messages of an answer."""
        await self._write(update_id, shown=json.dumps(list(message_ids)))
        client = await self.client()
        for message_id in message_ids:
            await client.set(self.keys("answer", chat_id, message_id), update_id, ex=KEPT_SECONDS)

    @translate_errors()
    async def note_sending(self, update_id: int, place: Place, asked: int, content: str) -> Sending:
        """Record that a message of this content is about to be sent in answer to the message `asked`."""
        latest = await (await self.client()).get(self._latest(place))
        sending = Sending(max(asked, int(latest or 0)), content)
        await self._write(update_id, sending=json.dumps(astuple(sending)))
        return sending

    @translate_errors()
    async def drop_sending(self, update_id: int) -> None:
        """Record that the message was not sent."""
        await (await self.client()).hdel(self.keys("turn", update_id), "sending")

    async def note_sent(self, update_id: int, place: Place, number: int, message_id: int) -> int:
        """Record a message at its place in an answer, or return the one that is recorded there."""
        answer = self.keys("answer", place.chat_id, message_id)
        names = [self.keys("turn", update_id), answer, self._latest(place)]
        values = [number, message_id, update_id, KEPT_SECONDS]
        return int(await run_script(self.client, _NOTE_SENT, names, *values))

    async def mark_sent(self, update_id: int) -> None:
        """Record that the answer is delivered."""
        await self._write(update_id, sent="1")

    async def describe(
        self, update_id: int, *, turn_id: str, owner: str, decisions: str, link: str, asker: int
    ) -> None:
        """Record the turn, its owner, who asked, and its recall decisions."""
        await self._write(
            update_id, turn_id=turn_id, owner=owner, decisions=decisions, link=link, asker=str(asker)
        )

    async def note_retry(self, update_id: int, turn_id: str, of: int) -> None:
        """Record that `update_id` retries the turn `turn_id`, which the update `of` started."""
        await self._write(update_id, earlier=turn_id)
        await self._write(of, later=str(update_id))

    async def note_correction(self, update_id: int, turn_id: str, of: int) -> None:
        """Record that `update_id` corrects the turn `turn_id`, and replaces the turn of the update `of`."""
        await self._write(update_id, corrects=turn_id)
        await self._write(of, later=str(update_id))

    async def note_burst(self, update_id: int, messages: str, *, turn_id: str, owner: str) -> None:
        """Record the messages that a turn answers together."""
        await self._write(update_id, burst=messages, turn_id=turn_id, owner=owner)

    @translate_errors()
    async def note_question(self, chat_id: int, message_id: int, update_id: int) -> None:
        """Record the update of a person's message."""
        key = self.keys("asked", chat_id, message_id)
        await (await self.client()).set(key, update_id, ex=KEPT_SECONDS)

    async def update_of_question(self, chat_id: int, message_id: int) -> int | None:
        """Return the update of a person's message; the latest, if it was edited."""
        return await self._pointed(self.keys("asked", chat_id, message_id))

    async def update_of_answer(self, chat_id: int, message_id: int) -> int | None:
        """Return the update that a message of the bot answers."""
        return await self._pointed(self.keys("answer", chat_id, message_id))

    @translate_errors()
    async def note_running(self, lane: str, turn_id: str) -> bool:
        """Record the turn that is being answered in a lane; return True if it is to stop."""
        async with (await self.client()).pipeline(transaction=True) as pipeline:
            pipeline.set(self.keys("reply", lane), turn_id, ex=_RUNNING_SECONDS)
            pipeline.exists(self.keys("stop", turn_id))
            *_, stopped = await pipeline.execute()
        return bool(stopped)

    @translate_errors()
    async def stop_running(self, lane: str) -> bool:
        """Ask the running turn of a lane to stop; return False if none is running."""
        client = await self.client()
        turn_id = await client.get(self.keys("reply", lane))
        if isinstance(turn_id, bytes):
            await client.set(self.keys("stop", turn_id.decode()), 1, ex=_STOP_SECONDS)
        return turn_id is not None

    @translate_errors()
    async def drop_running(self, lane: str) -> None:
        """Record that no turn is being answered in a lane any more."""
        await (await self.client()).delete(self.keys("reply", lane))

    @translate_errors()
    async def epoch(self, lane: str) -> int:
        """Return the number of a lane's current thread."""
        return int(await (await self.client()).get(self.keys("epoch", lane)) or 0)

    @translate_errors()
    async def new_epoch(self, lane: str, update_id: int) -> None:
        """Start a new thread in a lane, once per update."""
        client = await self.client()
        if await client.set(self.keys("epoch-by", update_id), 1, nx=True, ex=KEPT_SECONDS):
            await client.incr(self.keys("epoch", lane))

    def _latest(self, place: Place) -> str:
        return self.keys("latest", place.chat_id if place.has_own_ids else 0)

    @translate_errors()
    async def _write(self, update_id: int, **fields: str) -> None:
        key = self.keys("turn", update_id)
        async with (await self.client()).pipeline(transaction=True) as pipeline:
            pipeline.hset(key, mapping=dict(fields.items()))
            pipeline.expire(key, KEPT_SECONDS)
            await pipeline.execute()

    @translate_errors()
    async def _pointed(self, key: str) -> int | None:
        found = await (await self.client()).get(key)
        return None if found is None else int(found)
