"""L2.5 on Redis: recent searches of the archive, and recent outputs of tools.

Keys, all in the owner's slot, with `O`, `K` and `T` the digests of owner, cache key, and tool with arguments:

* `goat:l25:{O}:generation`   a random number, set by the first `get` after a `drop`
* `goat:l25:{O}:K`            the generation in decimal, a colon, and the value
* `goat:tool:{O}:T`           a tool's output
* `goat:tool:{O}:call:C`      a call that must not run twice, as started or denied

Generations are random, not counted: a generation that expired or was evicted never recurs, so its entries and
late writes stay invalid.

A page or a computation does not depend on the archive, so outputs of tools end only with their time to live.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from memory.results import CacheEntry
from memory.text.text import digest
from memory.working.redis_connection import GetRedis, run_script, translate_errors

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

CLAIM_SECONDS = 7 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class RedisSessionCache:
    """Result cache in Redis 6.2 or later, or Valkey; each call is one round trip."""

    client: GetRedis

    async def get(self, key: str, *, owner: str) -> CacheEntry:
        """Return the entry of `key`; a value of another generation is a miss."""
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


@dataclass(frozen=True, slots=True)
class RedisToolCache:
    """Tool outputs in Redis 6.2 or later, or Valkey; each call is one round trip."""

    client: GetRedis

    @translate_errors()
    async def get(self, tool: str, arguments: Mapping[str, Any], *, owner: str) -> bytes | None:
        client = await self.client()
        value = await client.get(_call_key(owner, tool, arguments))
        return value if isinstance(value, bytes) else None

    @translate_errors()
    async def put(
        self, tool: str, arguments: Mapping[str, Any], output: bytes, *, owner: str, ttl: float
    ) -> None:
        """Store an output for `ttl` seconds, at most a day.

        Outputs over `MAX_BYTES` or without a positive `ttl` are not stored.
        """
        if len(output) <= MAX_BYTES and ttl > 0:
            client = await self.client()
            milliseconds = max(1, round(min(ttl, MAX_TTL) * 1000))
            await client.set(_call_key(owner, tool, arguments), output, px=milliseconds)

    @translate_errors()
    async def claim(self, key: str, what: str, *, owner: str) -> str:
        """Set the mark of a call, for a week; return the mark that was already set, else ""."""
        client = await self.client()
        name = f"goat:tool:{{{digest(owner)}}}:call:{digest(key)}"
        if await client.set(name, what, nx=True, ex=CLAIM_SECONDS):
            return ""
        stood = await client.get(name)
        return stood.decode() if isinstance(stood, bytes) else ""

    @translate_errors()
    async def drop(self, *, owner: str) -> None:
        """Delete the owner's outputs, and keep the marks of calls; scans every key of the server."""
        anything = "?" * len(digest(""))
        await unlink_matching(await self.client(), f"goat:tool:{{{digest(owner)}}}:{anything}")

    @translate_errors()
    async def erase(self, *, owner: str) -> None:
        """Delete every entry of the owner; scans every key of the server."""
        await unlink_matching(await self.client(), f"goat:tool:{{{digest(owner)}}}:*")


def _call_key(owner: str, tool: str, arguments: Mapping[str, Any]) -> str:
    """Return the key of a call, independent of the order of its arguments."""
    call = json.dumps([tool, arguments], sort_keys=True, separators=(",", ":"), default=repr)
    return f"goat:tool:{{{digest(owner)}}}:{digest(call)}"
