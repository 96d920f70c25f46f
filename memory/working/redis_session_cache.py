"""L2.5 on plain Redis commands: recent results, valid until the owner's archive changes.

Keys, all in the owner's hash slot, with `O` and `K` the digests of owner and cache key:

* `goat:l25:{O}:generation`   a random number, set by the first `get` after a `drop`
* `goat:l25:{O}:K`            the generation in decimal, a colon, and the value

Generations are random, not counted: a generation that expired or was evicted never recurs, so its entries and
late writes stay invalid.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memory.results import CacheEntry
from memory.text.digest import digest
from memory.working.redis_connection import run_script, translate_errors

if TYPE_CHECKING:
    from redis.asyncio import Redis

MAX_BYTES = 1024 * 1024
MAX_TTL = 24 * 60 * 60.0
_GENERATION_MS = 2 * 24 * 60 * 60 * 1000

_GET = """
local generation = redis.call('GET', KEYS[1])
if not generation then
  generation = ARGV[1]
  redis.call('SET', KEYS[1], generation, 'PX', ARGV[2])
  return {generation, false}
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local entry = redis.call('GET', KEYS[2])
local mark = generation .. ':'
if not entry or string.sub(entry, 1, #mark) ~= mark then return {generation, false} end
return {generation, string.sub(entry, #mark + 1)}
"""

_PUT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('SET', KEYS[2], ARGV[1] .. ':' .. ARGV[2], 'PX', ARGV[3])
return 1
"""


@dataclass(frozen=True, slots=True)
class RedisSessionCache:
    """Result cache in Redis 6.2 or later, or Valkey; each call is one round trip."""

    client: Callable[[], Awaitable["Redis"]]

    async def get(self, key: str, *, owner: str) -> CacheEntry:
        fresh = secrets.randbits(63)
        generation, value = await run_script(self.client, _GET, _keys(owner, key), fresh, _GENERATION_MS)
        return CacheEntry(generation=int(generation), value=value)

    async def put(self, key: str, value: bytes, *, owner: str, generation: int, ttl: float) -> None:
        """Store `value` for `ttl` seconds, at most a day, unless the owner's archive has changed since `get`.

        Values over `MAX_BYTES` or without a positive `ttl` are not stored.
        """
        if len(value) > MAX_BYTES or not ttl > 0:
            return
        milliseconds = max(1, round(min(ttl, MAX_TTL) * 1000))
        keys = _keys(owner, key)
        await run_script(self.client, _PUT, keys, generation, value, milliseconds, _GENERATION_MS)

    @translate_errors()
    async def drop(self, *, owner: str) -> None:
        """Invalidate every entry of the owner, and every `put` for an earlier `get`."""
        client = await self.client()
        await client.delete(_generation_key(owner))

    @translate_errors()
    async def erase(self, *, owner: str) -> None:
        """Delete every entry of the owner, and prevent every `put` for an earlier `get`; scans every key."""
        await self.drop(owner=owner)  # first: a `put` during the scan may take a place that it has passed
        await unlink_matching(await self.client(), f"goat:l25:{{{digest(owner)}}}:*")


async def unlink_matching(client: "Redis", pattern: str) -> None:
    """Delete the keys that match a glob pattern, one by one, on every node of a cluster."""
    async for key in client.scan_iter(match=pattern, count=1000):
        await client.unlink(key)


def _generation_key(owner: str) -> str:
    return f"goat:l25:{{{digest(owner)}}}:generation"


def _keys(owner: str, key: str) -> list[str]:
    return [_generation_key(owner), f"goat:l25:{{{digest(owner)}}}:{digest(key)}"]
