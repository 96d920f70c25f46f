"""The connection to Redis that the working tier shares; redis-py is imported with its first use."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from memory.errors import GoatError, TierUnavailable
from memory.working.embedded_server import EmbeddedServer

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from memory.working.redis_client import Client


class RedisConnection:
    """One client for each event loop, made on first use.

    A command that fails is not sent again, as it may have been carried out; the next one connects anew.
    Callers keep keys that they use together in one cluster slot, with a hash tag.
    """

    def __init__(self, url: str, server: EmbeddedServer | None = None) -> None:
        """Take the URL of a server, and the embedded one for when it is empty, started anew should it die."""
        self._url = url
        self._server = server
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()
        self._client: Client | None = None

    async def client(self) -> "Redis":
        """Return the client; a `RedisCluster` stands in for it when the URL says so.

        Raises:
            ConfigError: the URL is none.
            DataFolderError: the embedded server's data folder cannot be used.
            TierUnavailable: the embedded server does not come up.
        """
        self._adopt_loop()
        async with self._lock:
            if self._client is None:
                redis_py = await asyncio.to_thread(_redis_py)
                self._client = await redis_py.open_client(self._url, self._server)
            return self._client.redis

    async def close(self) -> None:
        """Close the connections, and leave the embedded server; the next use connects anew."""
        self._adopt_loop()
        async with self._lock:
            client, self._client = self._client, None
            if client is not None:
                await client.aclose()
        if self._server is not None:
            await self._server.close()

    async def write_files_anew(self) -> str:
        """Have the server keep on its disk what it holds now, and nothing older; return why it does not."""
        client = await self.client()
        from memory.working.redis_files import write_anew  # noqa: PLC0415 - redis-py is imported by now

        async with translate_errors():
            return await write_anew(client)

    def _adopt_loop(self) -> None:
        """Forget a client that belongs to another event loop: its sockets are of no use in this one."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._lock = loop, asyncio.Lock()
            self._client = None


@asynccontextmanager
async def translate_errors() -> AsyncIterator[None]:
    """Turn what redis-py and the network raise into `TierUnavailable`; also a decorator of coroutines."""
    try:
        yield
    except _redis_py().ERRORS as error:
        if isinstance(error.__cause__, GoatError):
            raise error.__cause__ from None
        raise TierUnavailable("working", _redis_py().describe(error)) from None


@translate_errors()
async def run_script(
    client: Callable[[], Awaitable["Redis"]], script: str, keys: Sequence[str], *args: bytes | str | float
) -> Any:
    """Run a Lua script, sent whole only when the server does not know it."""
    return await (await client()).register_script(script)(keys=keys, args=args)


def _redis_py() -> ModuleType:
    """Import what speaks to redis-py, which takes 0.1 s."""
    from memory.working import redis_client  # noqa: PLC0415 - redis-py takes 0.1 s

    return redis_client
