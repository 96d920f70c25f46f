"""redis-py clients for the embedded server and for every kind of URL; rewriting of a server's files."""

import asyncio
import select
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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
from redis.exceptions import AuthenticationError, RedisError, ResponseError, TimeoutError as RedisTimeoutError

from memory.working.embedded_server import EmbeddedServer
from memory.working.redis_urls import RedisAddress, parse_redis_url

ERRORS = (RedisError, OSError)
"""Exceptions of redis-py and the network."""
_CONNECT_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
_HEALTH_CHECK_SECONDS = 30
_REWRITE_SECONDS = 60.0
_POLL_SECONDS = 0.01
_BUSY = ("already in progress", "child process is active")
"""In the error of a server that refuses because it is already writing a file."""
_CLUSTER_RETRIES = 1
"""Needed by the cluster client to follow a moved slot."""


@dataclass(frozen=True, slots=True)
class RedisClient:
    """A client, and the sentinels that found it."""

    redis: Redis
    sentinel: Sentinel | None = None

    async def aclose(self) -> None:
        await self.redis.aclose()
        if self.sentinel is not None:
            await self.sentinel.aclose()


async def open_client(url: str, server: EmbeddedServer | None) -> RedisClient:
    """Return a client of the URL's server; an empty URL means the embedded server, which is started."""
    if server is not None and not url.strip():
        return RedisClient(_embedded_client(server, await server.ensure()))
    address = parse_redis_url(url)
    if address.kind == "cluster":
        return RedisClient(cast("Redis", _cluster_client(address)))
    if address.kind == "sentinel":
        sentinel = _sentinel(address)
        return RedisClient(cast("Redis", sentinel.master_for(address.service or "")), sentinel)
    return RedisClient(_single_client(address))


class _EmbeddedConnection(UnixDomainSocketConnection):
    """Connection that first starts the embedded server and waits until its data is loaded."""

    def __init__(self, *, server: EmbeddedServer, **options: Any) -> None:
        super().__init__(**options)
        self._server = server

    async def _connect(self) -> None:
        self.path = await self._server.ensure()
        await super()._connect()  # type: ignore[no-untyped-call]

    async def can_read(self) -> bool:
        """Return whether this idle connection is stale: closed by the server, or with unread data.

        Polls the socket itself, because the event loop may not have noticed yet.
        """
        if self._writer is not None:
            poll = select.poll()
            poll.register(self._writer.get_extra_info("socket"), select.POLLIN)
            if poll.poll(0):
                return True
        return await super().can_read()


def _embedded_client(server: EmbeddedServer, path: str) -> Redis:
    options = _limits() | {"server": server, "path": path}
    return Redis.from_pool(ConnectionPool(connection_class=_EmbeddedConnection, **options))


def _single_client(address: RedisAddress) -> Redis:
    options = _limits() | address.options
    kind: type[Connection] | type[UnixDomainSocketConnection] = UnixDomainSocketConnection
    if address.nodes:
        kind = SSLConnection if address.tls else Connection
        options["host"], options["port"] = address.nodes[0]
    return Redis.from_pool(ConnectionPool(connection_class=kind, **options))


def _sentinel(address: RedisAddress) -> Sentinel:
    """Return the sentinels, which are contacted without a password, and the primary's options with one."""
    tls = {"ssl": address.tls} | {k: v for k, v in address.options.items() if k.startswith("ssl_")}
    primary = _limits() | address.options | tls
    return Sentinel(list(address.nodes), sentinel_kwargs=_limits() | tls, **primary)  # type: ignore[no-untyped-call]


def _cluster_client(address: RedisAddress) -> RedisCluster:
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


def describe(error: RedisError | OSError) -> str:
    """Describe an error without the failed command, which contains the user's text."""
    if isinstance(error, AuthenticationError):
        return "Redis refused the user or password of GOAT_REDIS_URL"
    if isinstance(error, RedisTimeoutError | TimeoutError):
        return "Redis did not answer in time"
    if "MISCONF" in str(error):
        return "Redis cannot write to its disk: make room there"
    if isinstance(error, ResponseError):
        return f"Redis refused a command: {str(error).rpartition('caused error: ')[2]}"
    return f"Redis cannot be reached: {error}"


async def rewrite_files(client: Redis, *, seconds: float = _REWRITE_SECONDS) -> str:
    """Rewrite every server's files, to remove deleted data; return the reasons for failures, else "".

    An append-only file keeps every command until it is rewritten, and a snapshot (RDB) every value until the
    next.
    """
    until = time.monotonic() + seconds
    nodes = client.get_nodes() if isinstance(client, RedisCluster) else [client]
    said = [await _node(_Node(node.execute_command, until), seconds) for node in nodes]
    return "; ".join(sorted({one for one in said if one}))


async def _node(node: "_Node", seconds: float) -> str:
    try:
        return await node.rewrite_log() or await node.rewrite_snapshot()
    except TimeoutError:
        return f"Redis did not rewrite its files within {seconds:g} s"
    except ResponseError as error:
        return f"Redis does not let its files be rewritten ({error})"


@dataclass(frozen=True, slots=True)
class _Node:
    run: Callable[..., Awaitable[Any]]
    until: float

    async def rewrite_log(self) -> str:
        """Rewrite the append-only file, after any running rewrite that may predate the deletion."""
        if not (await self._info())["aof_enabled"]:
            return ""
        done = await self._finish("BGREWRITEAOF", "aof_rewrite_in_progress", "aof_rewrite_scheduled")
        return "" if done["aof_last_bgrewrite_status"] == "ok" else "Redis could not rewrite its log"

    async def rewrite_snapshot(self) -> str:
        """Rewrite the snapshot, if the server writes snapshots."""
        if not any((await self.run("CONFIG GET", "save")).values()):
            return ""
        done = await self._finish("BGSAVE", "rdb_bgsave_in_progress")
        return "" if done["rdb_last_bgsave_status"] == "ok" else "Redis could not write its snapshot"

    async def _finish(self, command: str, *running: str) -> dict[str, Any]:
        """Run a command in the server's background to its end, after any that other clients began."""
        while True:
            await self._idle(*running)
            try:
                await self.run(command)
            except ResponseError as error:
                if not any(said in str(error) for said in _BUSY):
                    raise
                await asyncio.sleep(_POLL_SECONDS)
                self._check_time()
            else:
                return await self._idle(*running)

    async def _idle(self, *names: str) -> dict[str, Any]:
        while True:
            info = await self._info()
            if not any(info[name] for name in names):
                return info
            self._check_time()
            await asyncio.sleep(_POLL_SECONDS)

    def _check_time(self) -> None:
        if time.monotonic() > self.until:
            raise TimeoutError

    async def _info(self) -> dict[str, Any]:
        return dict(await self.run("INFO", "persistence"))
