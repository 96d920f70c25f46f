"""The working tier's shared Redis connection; redis-py is imported on first use."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from memory.errors import GoatError, TierUnavailable
from memory.working.embedded_server import EmbeddedServer

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from memory.working.redis_client import RedisClient

GetRedis = Callable[[], Awaitable["Redis"]]
"""Returns the client; see `RedisConnection.client`."""

REPLACE_FIELD = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""


class RedisConnection:
    """One client for each event loop, created on first use.

    A failed command is not retried, because the server may have executed it; the next command reconnects.
    Callers put keys of one command in one cluster slot, by a hash tag.
    """

    def __init__(self, url: str, server: EmbeddedServer | None = None) -> None:
        """Configure the connection; `server` is used, and restarted if it dies, while the URL is empty."""
        self._url = url
        self._server = server
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()
        self._client: RedisClient | None = None

    async def client(self) -> "Redis":
        """Return the client; a `RedisCluster` if the URL says so.

        Raises:
            ConfigError: the URL is invalid.
            DataFolderError: the embedded server's data folder cannot be used.
            TierUnavailable: the embedded server does not start.
        """
        self._adopt_loop()
        async with self._lock:
            if self._client is None:
                redis_py = await asyncio.to_thread(_redis_py)
                self._client = await redis_py.open_client(self._url, self._server)
            return self._client.redis

    async def close(self) -> None:
        """Close the connections and leave the embedded server; the next use reconnects."""
        self._adopt_loop()
        async with self._lock:
            client, self._client = self._client, None
            if client is not None:
                await client.aclose()
        if self._server is not None:
            await self._server.close()

    async def rewrite_files(self) -> str:
        """Rewrite the server's files without deleted data; return the reason if that fails, else ""."""
        client = await self.client()
        async with translate_errors():
            return str(await _redis_py().rewrite_files(client))

    def _adopt_loop(self) -> None:
        """Drop a client of another event loop, whose sockets cannot be used in this one."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._lock = loop, asyncio.Lock()
            self._client = None


@asynccontextmanager
async def translate_errors() -> AsyncIterator[None]:
    """Raise `TierUnavailable` for exceptions of redis-py and the network; also a decorator of coroutines."""
    try:
        yield
    except _redis_py().ERRORS as error:
        if isinstance(error.__cause__, GoatError):
            raise error.__cause__ from None
        raise TierUnavailable("working", _redis_py().describe(error)) from None


@translate_errors()
async def run_script(client: GetRedis, script: str, keys: Sequence[str], *args: bytes | str | float) -> Any:
    """Run a Lua script, sent whole only when the server does not know it."""
    return await (await client()).register_script(script)(keys=keys, args=args)


def _redis_py() -> ModuleType:
    from memory.working import redis_client  # noqa: PLC0415 - redis-py takes 0.1 s

    return redis_client
