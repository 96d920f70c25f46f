"""Rewriting of a Redis server's files, to remove deleted data from them.

An append-only file keeps every command until it is rewritten, and a snapshot (RDB) every value until the
next.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import ResponseError

SECONDS = 60.0
_POLL_SECONDS = 0.01


async def rewrite_files(client: Redis, *, seconds: float = SECONDS) -> str:
    """Rewrite every server's log and snapshot; return the reasons for failures, else ""."""
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
        await self._idle("aof_rewrite_in_progress", "aof_rewrite_scheduled")
        await self.run("BGREWRITEAOF")
        done = await self._idle("aof_rewrite_in_progress", "aof_rewrite_scheduled")
        return "" if done["aof_last_bgrewrite_status"] == "ok" else "Redis could not rewrite its log"

    async def rewrite_snapshot(self) -> str:
        """Rewrite the snapshot, if the server writes snapshots."""
        if not any((await self.run("CONFIG GET", "save")).values()):
            return ""
        await self._idle("rdb_bgsave_in_progress")
        await self.run("BGSAVE")
        done = await self._idle("rdb_bgsave_in_progress")
        return "" if done["rdb_last_bgsave_status"] == "ok" else "Redis could not write its snapshot"

    async def _idle(self, *names: str) -> dict[str, Any]:
        while True:
            info = await self._info()
            if not any(info[name] for name in names):
                return info
            if time.monotonic() > self.until:
                raise TimeoutError
            await asyncio.sleep(_POLL_SECONDS)

    async def _info(self) -> dict[str, Any]:
        return dict(await self.run("INFO", "persistence"))
