"""L2.5 for tools: recent outputs by tool name and arguments.

A page or a computation does not depend on the archive, so these entries end only with their time to live.
Keys:
`goat:tool:{O}:K`, with `O` and `K` the digests of owner and of tool and arguments; `goat:tool:{O}:call:C`
marks a call that must not run twice as started or denied.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from memory.text.digest import digest
from memory.working.redis_connection import translate_errors
from memory.working.redis_session_cache import MAX_BYTES, MAX_TTL, unlink_matching

if TYPE_CHECKING:
    from redis.asyncio import Redis

CLAIM_SECONDS = 7 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class RedisToolCache:
    """Tool outputs in Redis 6.2 or later, or Valkey; each call is one round trip."""

    client: Callable[[], Awaitable["Redis"]]

    @translate_errors()
    async def get(self, tool: str, arguments: Mapping[str, Any], *, owner: str) -> bytes | None:
        client = await self.client()
        value = await client.get(_key(owner, tool, arguments))
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
            await client.set(_key(owner, tool, arguments), output, px=milliseconds)

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


def _key(owner: str, tool: str, arguments: Mapping[str, Any]) -> str:
    """Return the key of a call, independent of the order of its arguments."""
    call = json.dumps([tool, arguments], sort_keys=True, separators=(",", ":"), default=repr)
    return f"goat:tool:{{{digest(owner)}}}:{digest(call)}"
