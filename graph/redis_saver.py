"""A LangGraph checkpointer on plain Redis commands: any Redis or Valkey from 5.0 on, alone or clustered."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from redis.asyncio import Redis

from graph.async_saver import AsyncSaver
from graph.redis_saver_keys import PENDING, THREADS, Namespace
from graph.redis_saver_records import (
    Record,
    is_pending,
    pack_blobs,
    pack_record,
    pack_write,
    unpack_record,
    unpack_writes,
)
from graph.redis_saver_upkeep import copy_thread, delete_run, delete_thread, namespaces, prune, text
from graph.redis_saver_write import list_thread, store_checkpoint
from memory.working.client import translate_errors

_PAGE = 20


class RedisSaver(AsyncSaver):
    """Keep the last checkpoints of each thread in Redis, and know which threads have work left.

    Every method raises `TierUnavailable` when Redis cannot be reached, and `TierCorrupt` when what it holds
    cannot be read.
    """

    def __init__(
        self,
        client: Callable[[], Awaitable[Redis]],
        *,
        keep: int = 20,
        serde: SerializerProtocol | None = None,
    ) -> None:
        """Take what yields a client, and how many checkpoints of each thread's namespace to keep.

        Half as many again may stand until they are pruned together, and the steps of a turn that is gone
        back to stay as long as it is the latest.
        """
        super().__init__(serde=serde)
        self._client = client
        self._keep = keep

    def get_next_version(self, current: str | None, channel: None) -> str:  # noqa: ARG002 - LangGraph's signature
        """Count up in the width of a LangGraph server, as versions sort as text; forks do not share one."""
        count = int(str(current).partition(".")[0]) if current else 0
        return f"{count + 1:032}.{secrets.token_hex(4)}"

    @translate_errors()
    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint and what changed; a thread with work left is listed first.

        A server that was killed may have lost the parent, and the values that did not change since: all
        values are stored then.
        """
        client = await self._client()
        namespace, metadata = Namespace.of(config), get_checkpoint_metadata(config, metadata)
        pending = is_pending(checkpoint["channel_values"])
        if pending:
            await list_thread(client, namespace, checkpoint["id"], metadata, pending=True)
        parent, values = get_checkpoint_id(config), checkpoint["channel_values"]
        record = pack_record(checkpoint, metadata, parent, self.serde)
        blobs = pack_blobs(values, new_versions, self.serde)
        stored = await store_checkpoint(client, namespace, checkpoint["id"], parent, record, blobs)
        if not stored.has_parent:
            blobs = pack_blobs(values, checkpoint["channel_versions"], self.serde)
            await store_checkpoint(client, namespace, checkpoint["id"], None, record, blobs)
        if not pending:
            await list_thread(client, namespace, checkpoint["id"], metadata, pending=False)
        if stored.checkpoints > self._keep + self._keep // 2:
            await prune(client, self.serde, namespace, self._keep, spare_forked=True)
        return namespace.config(checkpoint["id"])

    @translate_errors()
    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote; the first write of an index stands, errors and interrupts are replaced."""
        client, namespace = await self._client(), Namespace.of(config)
        checkpoint_id = config["configurable"]["checkpoint_id"]
        async with client.pipeline(transaction=True) as pipeline:
            pipeline.zadd(namespace.written, {checkpoint_id: 0})
            for position, (channel, value) in enumerate(writes):
                index = WRITES_IDX_MAP.get(channel, position)
                put = pipeline.hset if index < 0 else pipeline.hsetnx
                write = pack_write((task_path, task_id), index, channel, value, self.serde)
                put(namespace.writes(checkpoint_id), f"{task_id}\0{index}", write)
            await pipeline.execute()

    @translate_errors()
    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        client, namespace = await self._client(), Namespace.of(config)
        checkpoint_id = get_checkpoint_id(config)
        if checkpoint_id is None:
            latest = await client.zrevrange(namespace.index, 0, 0)
            if not latest:
                return None
            checkpoint_id = text(latest[0])
        raw = await client.hget(namespace.checkpoints, checkpoint_id)
        if raw is None:
            return None
        return await self._complete(client, namespace, checkpoint_id, unpack_record(raw, self.serde))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List checkpoints, newest first within each namespace."""
        left = limit
        async for namespace, checkpoint_id, record in self._scan(config, before):
            if left is not None and left <= 0:
                return
            if any(record.metadata.get(key) != value for key, value in (filter or {}).items()):
                continue
            async with translate_errors():
                client = await self._client()
                found = await self._complete(client, namespace, checkpoint_id, record)
            yield found
            left = None if left is None else left - 1

    @translate_errors()
    async def ais_pending(self, thread_id: str) -> bool:
        """Say whether a thread may have work left; a true answer is to be checked in its state."""
        return await (await self._client()).zscore(PENDING, thread_id) is not None

    async def apending(self) -> list[str]:
        """List the threads whose root graph may have work left, waiting longest first.

        A thread may be listed in vain, when it was cut off just before a checkpoint: its state tells.
        """
        async with translate_errors():
            client = await self._client()
            return list(map(text, await client.zrange(PENDING, 0, -1)))

    @translate_errors()
    async def adelete_thread(self, thread_id: str) -> None:
        await delete_thread(await self._client(), self.serde, str(thread_id))

    @translate_errors()
    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        client = await self._client()
        for run_id in run_ids:
            await delete_run(client, self.serde, str(run_id))

    @translate_errors()
    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy every checkpoint and pending write; the copy of a thread with work left has it too."""
        await copy_thread(await self._client(), self.serde, str(source_thread_id), str(target_thread_id))

    @translate_errors()
    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep the latest checkpoint of each namespace ("keep_latest"), or nothing ("delete")."""
        if strategy not in {"keep_latest", "delete"}:
            raise ValueError(f"unknown strategy {strategy!r}: keep_latest or delete")
        client = await self._client()
        for thread in map(str, thread_ids):
            if strategy == "delete":
                await delete_thread(client, self.serde, thread)
                continue
            for namespace in await namespaces(client, thread):
                await prune(client, self.serde, namespace, 1)

    async def _complete(
        self, client: Redis, namespace: Namespace, checkpoint_id: str, record: Record
    ) -> CheckpointTuple:
        fields = record.blob_fields
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.hvals(namespace.writes(checkpoint_id))
            if fields:
                pipeline.hmget(namespace.blobs, fields)
            writes, *rest = await pipeline.execute()
        return CheckpointTuple(
            config=namespace.config(checkpoint_id),
            checkpoint=record.fill(rest[0] if fields else [], self.serde),
            metadata=record.metadata,
            parent_config=namespace.config(record.parent) if record.parent else None,
            pending_writes=unpack_writes(writes, self.serde),
        )

    async def _scan(
        self, config: RunnableConfig | None, before: RunnableConfig | None
    ) -> AsyncIterator[tuple[Namespace, str, Record]]:
        wanted = get_checkpoint_id(config) if config else None
        bound = get_checkpoint_id(before) if before else None
        for namespace in await self._namespaces(config):
            ids = await self._ids(namespace, bound, wanted)
            for start in range(0, len(ids), _PAGE):
                for checkpoint_id, record in await self._records(namespace, ids[start : start + _PAGE]):
                    yield namespace, checkpoint_id, record

    @translate_errors()
    async def _namespaces(self, config: RunnableConfig | None) -> Sequence[Namespace]:
        client = await self._client()
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
        client = await self._client()
        found = await client.zrevrangebylex(namespace.index, f"({bound}" if bound else "+", "-")
        return [text(checkpoint_id) for checkpoint_id in found]

    @translate_errors()
    async def _records(self, namespace: Namespace, ids: Sequence[str]) -> Sequence[tuple[str, Record]]:
        client = await self._client()
        raw = await client.hmget(namespace.checkpoints, ids)
        pairs = zip(ids, raw, strict=True)
        return [(found, unpack_record(record, self.serde)) for found, record in pairs if record]
