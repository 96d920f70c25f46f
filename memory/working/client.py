"""The connection to Redis that everything in the working tier shares."""

import asyncio
import select
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from redis.asyncio import (
    Connection,
    ConnectionPool,
    Redis,
    RedisCluster,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from memory.errors import GoatError, TierUnavailable
from memory.working.server import EmbeddedServer
from memory.working.urls import RedisAddress, parse_redis_url

_CONNECT_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
_HEALTH_CHECK_SECONDS = 30
_CLUSTER_RETRIES = 1
"""A cluster's client needs one to learn where a slot went."""


class RedisConnection:
    """One client for each event loop, made on first use.

    A command that fails is not sent again, as it may have been carried out; the next one connects anew.
    Callers keep keys that they use together in one cluster slot, with a hash tag.
    """

    def __init__(self, url: Callable[[], str], server: EmbeddedServer | None = None) -> None:
        """Take the URL of a server, and the embedded one for when it is empty, started anew should it die."""
        self._url = url
        self._server = server
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()
        self._client: Redis | None = None
        self._sentinel: Sentinel | None = None

    async def client(self) -> Redis:
        """Return the client; a `RedisCluster` stands in for it when the URL says so.

        Raises:
            ConfigError: the URL is none.
            DataFolderError: the embedded server's data folder cannot be used.
            TierUnavailable: the embedded server does not come up.
        """
        self._adopt_loop()
        async with self._lock:
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def close(self) -> None:
        """Close the connections, and leave the embedded server; the next use connects anew."""
        self._adopt_loop()
        async with self._lock:
            client, self._client = self._client, None
            sentinel, self._sentinel = self._sentinel, None
            if client is not None:
                await client.aclose()
            if sentinel is not None:
                await sentinel.aclose()
        if self._server is not None:
            await self._server.close()

    def _adopt_loop(self) -> None:
        """Forget a client that belongs to another event loop: its sockets are of no use in this one."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._lock = loop, asyncio.Lock()
            self._client = self._sentinel = None

    async def _connect(self) -> Redis:
        url = self._url()
        if self._server is not None and not url.strip():
            return _embedded(self._server, await self._server.ensure())
        address = parse_redis_url(url)
        if address.kind == "cluster":
            return cast("Redis", _cluster(address))
        if address.kind == "sentinel":
            self._sentinel = _sentinel(address)
            return cast("Redis", self._sentinel.master_for(address.service or ""))
        return _single(address)


@asynccontextmanager
async def translate_errors() -> AsyncIterator[None]:
    """Turn what redis-py and the network raise into `TierUnavailable`; also a decorator of coroutines."""
    try:
        yield
    except (RedisError, OSError) as error:
        if isinstance(error.__cause__, GoatError):
            raise error.__cause__ from None
        raise TierUnavailable("working", _say(error)) from None


class _EmbeddedConnection(UnixDomainSocketConnection):
    """Connect to the embedded server once it is there and has loaded its data."""

    def __init__(self, *, server: EmbeddedServer, **options: Any) -> None:
        super().__init__(**options)
        self._server = server

    async def _connect(self) -> None:
        self.path = await self._server.ensure()
        await super()._connect()  # type: ignore[no-untyped-call]

    async def can_read(self) -> bool:
        """Tell whether this idle connection is of no more use: the server left it, or said something unasked.

        The event loop may not have heard of it yet, so the socket itself is looked at.
        """
        return _is_readable(self._writer) or await super().can_read()


def _is_readable(writer: asyncio.StreamWriter | None) -> bool:
    if writer is None:
        return False
    poll = select.poll()
    poll.register(writer.get_extra_info("socket"), select.POLLIN)
    return bool(poll.poll(0))


def _embedded(server: EmbeddedServer, path: str) -> Redis:
    options = _limits() | {"server": server, "path": path}
    return Redis.from_pool(ConnectionPool(connection_class=_EmbeddedConnection, **options))


def _single(address: RedisAddress) -> Redis:
    options = _limits() | address.options
    kind: type[Connection] | type[UnixDomainSocketConnection] = UnixDomainSocketConnection
    if address.nodes:
        kind = SSLConnection if address.tls else Connection
        options["host"], options["port"] = address.nodes[0]
    return Redis.from_pool(ConnectionPool(connection_class=kind, **options))


def _sentinel(address: RedisAddress) -> Sentinel:
    """Describe the sentinels, which are asked without a password, and the primary, which has one."""
    tls = {"ssl": address.tls} | {k: v for k, v in address.options.items() if k.startswith("ssl_")}
    primary = _limits() | address.options | tls
    return Sentinel(list(address.nodes), sentinel_kwargs=_limits() | tls, **primary)  # type: ignore[no-untyped-call]


def _cluster(address: RedisAddress) -> RedisCluster:
    options = _limits() | address.options
    options["retry"] = Retry(NoBackoff(), _CLUSTER_RETRIES)
    nodes = [ClusterNode(host, port) for host, port in address.nodes]
    return RedisCluster(startup_nodes=nodes, ssl=address.tls, **options)


def _limits() -> dict[str, Any]:
    return {
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_timeout": _ANSWER_SECONDS,
        "health_check_interval": _HEALTH_CHECK_SECONDS,
        "protocol": 2,
        "driver_info": None,
    }


def _say(error: RedisError | OSError) -> str:
    """Describe an error without the command that caused it: that holds the user's words."""
    if isinstance(error, AuthenticationError):
        return "Redis refused the user or password of GOAT_REDIS_URL"
    if isinstance(error, RedisTimeoutError | TimeoutError):
        return "Redis did not answer in time"
    if "MISCONF" in str(error):
        return "Redis cannot write to its disk: make room there"
    if isinstance(error, ResponseError):
        return f"Redis refused a command: {str(error).rpartition('caused error: ')[2]}"
    return f"Redis cannot be reached: {error}"
