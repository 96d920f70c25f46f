"""L2 on plain Redis commands: a thread's turns, their order, and its first turn.

Keys, all in the owner's hash slot, with `O` and `T` the digests of owner and thread:

* `goat:l2:{O}:threads`     set of the non-empty `T`
* `goat:l2:{O}:T:turns`     hash of turn id to turn, the latest `keep`
* `goat:l2:{O}:T:order`     sorted set of turn ids by sequence number
* `goat:l2:{O}:T:opening`   hash with one field: the thread's first turn, kept when older turns are trimmed

A stored turn is its token count in decimal, a blank, and JSON, so that a script can sum a window unparsed.
"""

import re
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from memory.database import to_bytes
from memory.models import ConversationTurn
from memory.prompt.tool_text import without_calls
from memory.text.text import digest
from memory.working.conversation_records import dump, load, load_all, to_record
from memory.working.redis_connection import REPLACE_FIELD, GetRedis, run_script, translate_errors

_DIGEST = re.compile(r"[0-9a-f]{32}")

_APPEND = """
local turns, order, opening, threads = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, turn, thread, keep = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if redis.call('HEXISTS', opening, id) == 1 then return 0 end
if redis.call('HSETNX', turns, id, turn) == 0 then return 0 end
local last = redis.call('ZREVRANGE', order, 0, 0, 'WITHSCORES')
if not last[1] and redis.call('EXISTS', opening) == 0 then redis.call('HSET', opening, id, turn) end
redis.call('ZADD', order, (last[2] or 0) + 1, id)
redis.call('SADD', threads, thread)
local excess = redis.call('ZCARD', order) - keep
if excess > 0 then
  local old = redis.call('ZPOPMIN', order, excess)
  for i = 1, #old, 2 do redis.call('HDEL', turns, old[i]) end
end
return 1
"""

_WINDOW = """
local turns, order, room = KEYS[1], KEYS[2], tonumber(ARGV[1])
local found, any, start, page = {}, false, 0, 16
repeat
  local ids = redis.call('ZREVRANGE', order, start, start + page - 1)
  for _, id in ipairs(ids) do
    local turn = redis.call('HGET', turns, id) or ''
    local tokens = tonumber(string.match(turn, '^(%d+) '))
    if tokens then
      if any and tokens > room then return found end
      any, room = true, room - tokens
    end
    found[#found + 1] = id
    found[#found + 1] = turn
  end
  start = start + page
until #ids < page
return found
"""

_REMOVE = """
local turns, order, opening, threads = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local gone, reopen = 0, false
for i = 2, #ARGV do
  local listed = redis.call('ZREM', order, ARGV[i])
  local opened = redis.call('HDEL', opening, ARGV[i])
  redis.call('HDEL', turns, ARGV[i])
  if listed + opened > 0 then gone = gone + 1 end
  if listed + opened == 2 then reopen = true end
end
local first = redis.call('ZRANGE', order, 0, 0)[1]
local turn = reopen and first and redis.call('HGET', turns, first)
if turn then redis.call('HSET', opening, first, turn) end
if redis.call('EXISTS', order, opening) == 0 then redis.call('SREM', threads, ARGV[1]) end
return gone
"""

_ERASE = """
for i = 2, #KEYS do redis.call('UNLINK', KEYS[i]) end
for i = 1, #ARGV do redis.call('SREM', KEYS[1], ARGV[i]) end
"""


@dataclass(frozen=True, slots=True)
class RedisConversation:
    """Conversations of threads in Redis 6.2 or later, or Valkey."""

    client: GetRedis
    keep: int = 2000
    """Turns kept per thread; older ones are only in L3."""

    def __post_init__(self) -> None:
        if self.keep < 1:
            raise ValueError(f"keep must be at least 1, not {self.keep}")

    async def append(self, turn: ConversationTurn, *, owner: str, thread: str) -> bool:
        return await self._append(turn, owner, digest(thread))

    async def append_record(self, record: dict[str, Any], *, owner: str, conversation: str) -> bool:
        """Append a turn as `records` yields it; return False when its turn id exists.

        Raises:
            KeyError, TypeError, ValueError: it is no such record.
        """
        if not _DIGEST.fullmatch(conversation):
            raise ValueError(f"{conversation!r} is no conversation")
        turn = load(to_bytes(record["turn_id"]), b"%d" % record["tokens"], record)
        return await self._append(turn, owner, conversation)

    async def _append(self, turn: ConversationTurn, owner: str, conversation: str) -> bool:
        keys, turn_id, stored = _keys(owner, conversation), to_bytes(turn.turn_id), dump(turn)
        return bool(await run_script(self.client, _APPEND, keys, turn_id, stored, conversation, self.keep))

    async def records(self, *, owner: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Iterate over all readable turns as JSON values, each with its conversation, oldest first.

        A conversation is named by the digest of its thread id.
        """
        for conversation in sorted(await self._thread_digests(owner)):
            for turn in await self._turns(owner, conversation):
                yield conversation, to_record(turn)

    @translate_errors()
    async def _turns(self, owner: str, conversation: str) -> list[ConversationTurn]:
        client, (turns, order, opening, _) = await self.client(), _keys(owner, conversation)
        first = cast("dict[bytes, bytes]", await client.hgetall(opening))
        listed = cast("list[bytes]", await client.zrange(order, 0, -1))
        stored = cast("list[bytes | None]", await client.hmget(turns, listed)) if listed else []
        held = {name: turn for name, turn in zip(listed, stored, strict=True) if turn is not None}
        return load_all((first | held).items())

    async def window(self, *, owner: str, thread: str, max_tokens: int) -> list[ConversationTurn]:
        """Read the window in one round trip, without unreadable turns."""
        turns, order, *_ = _keys(owner, digest(thread))
        found: list[bytes] = await run_script(self.client, _WINDOW, [turns, order], max_tokens)
        return load_all(zip(found[-2::-2], found[::-2], strict=True))

    @translate_errors()
    async def opening(self, *, owner: str, thread: str) -> ConversationTurn | None:
        """Return the first turn; after its removal the next one, unless that was trimmed."""
        client = await self.client()
        found = cast("dict[bytes, bytes]", await client.hgetall(_keys(owner, digest(thread))[2]))
        return next(iter(load_all(found.items())), None)

    async def remove(self, turn_ids: Sequence[str], *, owner: str, thread: str) -> int:
        """Delete turns permanently; return how many existed."""
        if not turn_ids:
            return 0
        keys, ids = _keys(owner, digest(thread)), map(to_bytes, turn_ids)
        return int(await run_script(self.client, _REMOVE, keys, digest(thread), *ids))

    @translate_errors()
    async def drop_evidence(self, tools: Collection[str], *, owner: str) -> None:
        """Remove the lines of these tools' calls from every turn of the owner."""
        client = await self.client()
        for conversation in await self._thread_digests(owner):
            turns, _, opening, _ = _keys(owner, conversation)
            for key in (turns, opening):
                stored = cast("dict[bytes, bytes]", await client.hgetall(key))
                for turn in load_all(stored.items()):
                    kept = without_calls(turn.evidence, tools)
                    if len(kept) < len(turn.evidence):
                        rest = dump(replace(turn, evidence=kept))
                        await run_script(self.client, REPLACE_FIELD, [key], to_bytes(turn.turn_id), rest)

    async def erase(self, *, owner: str) -> None:
        """Delete every thread of the owner, except threads started meanwhile."""
        threads = await self._thread_digests(owner)
        keys = [key for thread in threads for key in _keys(owner, thread)[:3]]
        await run_script(self.client, _ERASE, [_threads(owner), *keys], *threads)

    @translate_errors()
    async def _thread_digests(self, owner: str) -> list[str]:
        client = await self.client()
        return [thread.decode() for thread in cast("set[bytes]", await client.smembers(_threads(owner)))]


def _threads(owner: str) -> str:
    return f"goat:l2:{{{digest(owner)}}}:threads"


def _keys(owner: str, conversation: str) -> list[str]:
    """Return the keys of turns, order and opening, and that of the owner's threads."""
    own = (f"goat:l2:{{{digest(owner)}}}:{conversation}:{part}" for part in ("turns", "order", "opening"))
    return [*own, _threads(owner)]
