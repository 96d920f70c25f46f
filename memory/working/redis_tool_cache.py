"""L2.5 for tools: what a tool answered lately, by its name and arguments.

Unlike what was found in the archive, a page or a computation stays what it is when the owner says something
new: these entries end with their time to live alone. Keys: `goat:tool:{O}:K`, with `O` and `K` the digests of
the owner and of tool and arguments; `goat:tool:{O}:call:C` says of a call that must not be made twice that it
was begun, or was not allowed.
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
    """Keep outputs of tools in Redis 6.2 or later, or Valkey; each call is one round trip."""

    client: Callable[[], Awaitable["Redis"]]

    @translate_errors()
    async def get(self, tool: str, arguments: Mapping[str, Any], *, owner: str) -> bytes | None:
        """Return what the tool answered to these arguments; None when that is not known any more."""
        client = await self.client()
        value = await client.get(_key(owner, tool, arguments))
        return value if isinstance(value, bytes) else None

    @translate_errors()
    async def put(
        self, tool: str, arguments: Mapping[str, Any], output: bytes, *, owner: str, ttl: float
    ) -> None:
        """Keep an output for `ttl` seconds, at most a day.

        One of more than `MAX_BYTES` or with no time to live is not kept.
        """
        if len(output) <= MAX_BYTES and ttl > 0:
            client = await self.client()
            milliseconds = max(1, round(min(ttl, MAX_TTL) * 1000))
            await client.set(_key(owner, tool, arguments), output, px=milliseconds)

    @translate_errors()
    async def claim(self, key: str, what: str, *, owner: str) -> str:
        """Note what becomes of a call, unless that stands already; return what stood there, or nothing.

        Kept for a week.
        """
        client = await self.client()
        name = f"goat:tool:{{{digest(owner)}}}:call:{digest(key)}"
        if await client.set(name, what, nx=True, ex=CLAIM_SECONDS):
            return ""
        stood = await client.get(name)
        return stood.decode() if isinstance(stood, bytes) else ""

    @translate_errors()
    async def erase(self, *, owner: str) -> None:
        """Delete every entry of the owner; costs a look at every key of the server."""
        await unlink_matching(await self.client(), f"goat:tool:{{{digest(owner)}}}:*")


def _key(owner: str, tool: str, arguments: Mapping[str, Any]) -> str:
    """Name the entry; arguments in another order are the same."""
    call = json.dumps([tool, arguments], sort_keys=True, separators=(",", ":"), default=repr)
    return f"goat:tool:{{{digest(owner)}}}:{digest(call)}"
