"""Redis servers shared by tests: one of each kind, started at first use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from memory.working.embedded_server import server_binary
from memory.working.redis_connection import RedisConnection
from tests.servers.redis import BINARIES, cluster, running

CLUSTER = "cluster"


@dataclass(slots=True)
class RedisServers:
    """The running servers by kind, on a separate event loop."""

    runner: asyncio.Runner
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    urls: dict[str, str] = field(default_factory=dict)

    def empty(self, kind: str) -> str:
        """Return the URL of an empty server of this kind."""
        return self.runner.run(self._empty(kind))

    async def _empty(self, kind: str) -> str:
        if kind not in self.urls:
            server = cluster(server_binary()) if kind == CLUSTER else running(BINARIES[kind]())
            self.urls[kind] = await self.stack.enter_async_context(server)
        async with connected(self.urls[kind]) as connection:
            await (await connection.client()).flushall()
        return self.urls[kind]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[RedisConnection]:
    connection = RedisConnection(url)
    try:
        yield connection
    finally:
        await connection.close()
