"""The lineage of checkpoints, as the checkpointer keeps it in Redis."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from redis.asyncio import Redis

from graph.lineage import Branch, Step, branch_before, running_branch
from graph.redis_saver_keys import Namespace
from graph.redis_saver_records import unpack_record
from graph.redis_saver_upkeep import text
from graph.serde import checkpoint_serde
from memory.working.client import translate_errors

_WAIT_SECONDS = 1.0
_POLL_SECONDS = 0.005


class RedisLineage:
    """Read the records of a thread's checkpoints, without their values: one round trip."""

    def __init__(self, client: Callable[[], Awaitable[Redis]]) -> None:
        self._client = client
        self._serde = checkpoint_serde()

    async def branch(self, thread: str, checkpoint_id: str) -> Branch:
        """Return the branch of the turn that runs on a checkpoint.

        Raises:
            TierUnavailable: Redis cannot be reached.
        """
        return running_branch(await self._steps(thread, checkpoint_id), checkpoint_id)

    async def branch_before(self, thread: str, checkpoint_id: str) -> Branch:
        """Return the branch of the turn before the one that runs on a checkpoint.

        Raises:
            TierUnavailable: Redis cannot be reached.
        """
        return branch_before(await self._steps(thread, checkpoint_id), checkpoint_id)

    @translate_errors()
    async def _steps(self, thread: str, checkpoint_id: str) -> Mapping[str, Step]:
        """Read a thread; a LangGraph server may store a checkpoint shortly after its nodes have begun."""
        client, namespace = await self._client(), Namespace(thread, "")
        until = time.monotonic() + _WAIT_SECONDS
        while not await client.hexists(namespace.checkpoints, checkpoint_id):
            if time.monotonic() > until:
                return {}
            await asyncio.sleep(_POLL_SECONDS)
        found = await client.hgetall(namespace.checkpoints)
        return {text(key): self._step(raw) for key, raw in found.items()}

    def _step(self, raw: bytes | str) -> Step:
        record = unpack_record(raw, self._serde)
        at = datetime.fromisoformat(str(record.checkpoint["ts"]))
        return Step(record.parent, str(record.metadata.get("source", "")), at)
