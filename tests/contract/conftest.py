"""An empty Redis server for each test that needs one, see `redis_servers`; owners' tables anywhere."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from memory.database import OwnerTables
from memory.owners.owner_files import OwnerFiles
from memory.owners.owner_partitions import OwnerPartitions
from memory.working.redis_connection import GetRedis
from tests.contract.redis_servers import CLUSTER, RedisServers, connected
from tests.servers.postgres import PostgresServer
from tests.servers.redis import BINARIES


@pytest.fixture(scope="session")
def redis_servers() -> Iterator[RedisServers]:
    with asyncio.Runner() as runner:
        servers = RedisServers(runner)
        yield servers
        runner.run(servers.stack.aclose())


@pytest.fixture
def valkey_url(redis_servers: RedisServers) -> str:
    return redis_servers.empty("valkey")


@pytest.fixture(params=BINARIES)
def redis_url(request: pytest.FixtureRequest, redis_servers: RedisServers) -> str:
    """The URL of every server that is one process."""
    return redis_servers.empty(request.param)


@pytest.fixture(params=[*BINARIES, CLUSTER])
def any_redis_url(request: pytest.FixtureRequest, redis_servers: RedisServers) -> str:
    """The URL of every server, and of a cluster."""
    return redis_servers.empty(request.param)


@pytest.fixture
def cluster_url(redis_servers: RedisServers) -> str:
    return redis_servers.empty(CLUSTER)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[GetRedis]:
    async with connected(redis_url) as connection:
        yield connection.client


@pytest.fixture
async def raw(client: GetRedis) -> Redis:
    return await client()


@pytest.fixture(params=["files", "postgres"])
async def tables(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer
) -> AsyncIterator[OwnerTables]:
    """Owners' tables on every database."""
    opened: OwnerTables = OwnerFiles(tmp_path / "owners")
    if request.param == "postgres":
        opened = OwnerPartitions(SecretStr(postgres.new_url()))
    yield opened
    await opened.close()
