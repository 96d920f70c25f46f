"""The files of a Redis server: written anew, so that nothing stays in them that was deleted.

An append-only file keeps every command until it is rewritten, a snapshot (RDB) every value until the next.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import ResponseError

SECONDS = 60.0
_POLL_SECONDS = 0.01
_Run = Callable[..., Awaitable[Any]]


async def write_anew(client: Redis, *, seconds: float = SECONDS) -> str:
    """Have every server rewrite its log and snapshot; return why one did not, empty when all did."""
    until = time.monotonic() + seconds
    nodes = client.get_nodes() if isinstance(client, RedisCluster) else [client]
    said = [await _node(node.execute_command, until, seconds) for node in nodes]
    return "; ".join(sorted({one for one in said if one}))


async def _node(run: _Run, until: float, seconds: float) -> str:
    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + max(0.0, until - time.monotonic())):
            return await _log(run) or await _snapshot(run)
    except TimeoutError:
        return f"Redis did not rewrite its files within {seconds:g} s"
    except ResponseError as error:
        return f"Redis does not let its files be rewritten ({error})"


async def _log(run: _Run) -> str:
    """Rewrite the append-only file; a rewrite that runs already may have begun before the deletion."""
    if not (await _info(run))["aof_enabled"]:
        return ""
    await _idle(run, "aof_rewrite_in_progress", "aof_rewrite_scheduled")
    await run("BGREWRITEAOF")
    done = await _idle(run, "aof_rewrite_in_progress", "aof_rewrite_scheduled")
    return "" if done["aof_last_bgrewrite_status"] == "ok" else "Redis could not rewrite its log"


async def _snapshot(run: _Run) -> str:
    """Write the snapshot anew, where the server writes any."""
    if not any((await run("CONFIG GET", "save")).values()):
        return ""
    await _idle(run, "rdb_bgsave_in_progress")
    await run("BGSAVE")
    done = await _idle(run, "rdb_bgsave_in_progress")
    return "" if done["rdb_last_bgsave_status"] == "ok" else "Redis could not write its snapshot"


async def _idle(run: _Run, *names: str) -> dict[str, Any]:
    while True:
        info = await _info(run)
        if not any(info[name] for name in names):
            return info
        await asyncio.sleep(_POLL_SECONDS)


async def _info(run: _Run) -> dict[str, Any]:
    return dict(await run("INFO", "persistence"))
