"""Reads of stored checkpoints, one or many."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, get_checkpoint_id
from langgraph.checkpoint.serde.base import SerializerProtocol

from graph.checkpoint.checkpoint_records import THREADS, Namespace, Record, text, unpack_record, unpack_writes
from graph.checkpoint.retention import namespaces
from memory.working.redis_connection import GetRedis, translate_errors

if TYPE_CHECKING:
    from redis.asyncio import Redis

_PAGE = 20


@dataclass(frozen=True, slots=True)
class CheckpointReader:
    """Reads checkpoints from Redis."""

    client: GetRedis
    serde: SerializerProtocol

    async def complete(
        self, client: "Redis", namespace: Namespace, checkpoint_id: str, record: Record
    ) -> CheckpointTuple:
        """Read the channel values and pending writes of a checkpoint."""
        fields = record.blob_fields
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.hvals(namespace.writes(checkpoint_id))
            if fields:
                pipeline.hmget(namespace.key("blobs"), fields)
            writes, *rest = await pipeline.execute()
        return CheckpointTuple(
            config=namespace.config(checkpoint_id),
            checkpoint=record.fill(rest[0] if fields else [], self.serde),
            metadata=record.metadata,
            parent_config=namespace.config(record.parent) if record.parent else None,
            pending_writes=unpack_writes(writes, self.serde),
        )

    async def scan(
        self, config: RunnableConfig | None, before: RunnableConfig | None
    ) -> AsyncIterator[tuple[Namespace, str, Record]]:
        """Yield checkpoint records, newest first within each namespace, before the checkpoint of `before`.

        A pruned parent becomes None: clients build a tree of the steps from those without a parent.
        """
        wanted = get_checkpoint_id(config) if config else None
        bound = get_checkpoint_id(before) if before else None
        for namespace in await self._namespaces(config):
            ids = await self._ids(namespace, bound, wanted)
            stored = set(ids)
            for start in range(0, len(ids), _PAGE):
                for checkpoint_id, record in await self._records(namespace, ids[start : start + _PAGE]):
                    is_cut_off = not wanted and record.parent not in stored
                    yield namespace, checkpoint_id, record._replace(parent=None) if is_cut_off else record

    @translate_errors()
    async def _namespaces(self, config: RunnableConfig | None) -> Sequence[Namespace]:
        client = await self.client()
        configurable = config.get("configurable", {}) if config else {}
        if "thread_id" in configurable and "checkpoint_ns" in configurable and config:
            return [Namespace.of(config)]
        threads = [str(configurable["thread_id"])] if "thread_id" in configurable else None
        if threads is None:
            threads = [text(thread) for thread in await client.zrevrange(THREADS, 0, -1)]
        found = [namespace for thread in threads for namespace in await namespaces(client, thread)]
        name = configurable.get("checkpoint_ns")
        return [namespace for namespace in found if name is None or namespace.name == name]

    @translate_errors()
    async def _ids(self, namespace: Namespace, bound: str | None, wanted: str | None) -> Sequence[str]:
        if wanted:
            return [wanted] if bound is None or wanted < bound else []
        client = await self.client()
        found = await client.zrevrangebylex(namespace.key("index"), f"({bound}" if bound else "+", "-")
        return [text(checkpoint_id) for checkpoint_id in found]

    @translate_errors()
    async def _records(self, namespace: Namespace, ids: Sequence[str]) -> Sequence[tuple[str, Record]]:
        client = await self.client()
        raw = await client.hmget(namespace.key("checkpoints"), ids)
        pairs = zip(ids, raw, strict=True)
        return [(found, unpack_record(record, self.serde)) for found, record in pairs if record]
