"""A server's files, written anew: nothing that was deleted stays in them, alone or clustered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from redis.asyncio import Redis, RedisCluster

from memory.working.redis_client import rewrite_files
from tests.contract.redis_servers import connected
from tests.disk import found

SAID = "xylophonic"
DURABLE = {"appendonly": "yes", "save": "3600 1"}
PLAIN = {"appendonly": "no", "save": ""}


def nodes_of(client: Redis) -> list[Any]:
    return client.get_nodes() if isinstance(client, RedisCluster) else [client]


async def configure(client: Redis, settings: dict[str, str]) -> None:
    for node in nodes_of(client):
        for name, value in settings.items():
            await node.execute_command("CONFIG SET", name, value)


async def idle(client: Redis) -> None:
    for node in nodes_of(client):
        while True:
            info = await node.execute_command("INFO", "persistence")
            if not (info["aof_rewrite_in_progress"] or info["rdb_bgsave_in_progress"]):
                break
            await asyncio.sleep(0.01)


@asynccontextmanager
async def durable(url: str) -> AsyncIterator[tuple[Redis, list[Path]]]:
    """Have a server write both of its files for the time of the block; yield its folders."""
    async with connected(url) as connection:
        client = await connection.client()
        await configure(client, DURABLE)
        await idle(client)
        try:
            got = [await node.execute_command("CONFIG GET", "dir") for node in nodes_of(client)]
            yield client, [Path(cast("dict[str, str]", one)["dir"]) for one in got]
        finally:
            await idle(client)
            await configure(client, PLAIN)


async def test_nothing_that_was_deleted_stays_in_a_servers_files(any_redis_url: str) -> None:
    async with durable(any_redis_url) as (client, folders):
        for number in range(12):
            await client.set(f"key:{number}", SAID)
            await client.set(f"kept:{number}", "violin")
        for node in nodes_of(client):
            await node.execute_command("BGSAVE")
        await idle(client)
        assert all(len(found(folder, SAID)) >= 2 for folder in folders)
        for number in range(12):
            await client.unlink(f"key:{number}")
        assert await rewrite_files(client) == ""
        assert [found(folder, SAID) for folder in folders] == [{} for _ in folders]
        assert all(found(folder, "violin") for folder in folders)


async def test_two_that_forget_at_once_both_have_the_files_rewritten(valkey_url: str) -> None:
    async with durable(valkey_url) as (client, [folder]):
        for _ in range(5):
            await client.set("key", SAID)
            await client.unlink("key")
            assert await asyncio.gather(*(rewrite_files(client) for _ in range(3))) == ["", "", ""]
            assert found(folder, SAID) == {}


async def test_a_server_that_is_not_done_in_time_is_named(valkey_url: str) -> None:
    async with durable(valkey_url) as (client, _):
        await client.set("key", SAID)
        await client.config_set("rdb-key-save-delay", 10_000_000)
        said = await rewrite_files(client, seconds=0)
        await client.config_set("rdb-key-save-delay", 0)
        await configure(client, PLAIN)  # ends the rewriting, which takes ten seconds
        assert said == "Redis did not rewrite its files within 0 s"


async def test_a_server_without_files_has_nothing_to_rewrite(redis_url: str) -> None:
    async with connected(redis_url) as connection:
        assert await rewrite_files(await connection.client()) == ""
