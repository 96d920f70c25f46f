"""A LangGraph checkpointer on plain Redis commands: Redis or Valkey from 5.0 on, single or clustered."""

import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from functools import partial
from typing import Any, NoReturn

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from graph.checkpoint.checkpoint_reader import CheckpointReader
from graph.checkpoint.checkpoint_records import PENDING, THREADS, Namespace, text, unpack_record
from graph.checkpoint.commit_queue import CommitQueue, LatestCheckpoints, as_tuple
from graph.checkpoint.retention import copy_thread, delete_run, delete_thread, mentions, namespaces, prune
from graph.checkpoint.transactions import CheckpointEntry, Entry, WritesEntry, commit
from memory.concurrency.tasks import Background, wait_ended
from memory.working.redis_connection import GetRedis, translate_errors


class _AsyncSaver(BaseCheckpointSaver[str]):
    """Refuses the blocking methods."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(
            "this checkpointer is async only: use its methods that begin with `a`, such as aget_tuple, and "
            "ainvoke or astream of the graph"
        )

    get_tuple = list = put = put_writes = delete_thread = delete_for_runs = copy_thread = prune = _refuse


class RedisSaver(_AsyncSaver):
    """Stores the last checkpoints of each thread in Redis, with an index of pending threads.

    Methods raise `TierUnavailable` when Redis is unreachable, and `TierCorrupt` when its data is invalid.
    """

    def __init__(
        self,
        client: GetRedis,
        *,
        keep: int = 20,
        repeatable: Collection[str] = (),
        serde: SerializerProtocol | None = None,
    ) -> None:
        """Bind the saver to a client.

        Args:
            client: returns the client of the running event loop.
            keep: checkpoints to keep in each namespace. There may be twice as many until pruning, and
                the steps of a forked turn stay as long as it is the latest.
            repeatable: nodes that may run again after a crash, because they only read or are idempotent.
                Their writes, and checkpoints that follow from stored ones, are deferred to the next other
                entry: an input, another node's writes, an error, a turn's end.
            serde: serializer of values; LangGraph's by default.
        """
        super().__init__(serde=serde)
        self._client = client
        self._keep = keep
        self._repeatable = frozenset(repeatable)
        self._background = Background()
        self._queue = CommitQueue(self._send, self._background)
        self._latest = LatestCheckpoints()

    @property
    def _reader(self) -> CheckpointReader:
        """A new reader for each use: LangGraph copies the saver and sets another `serde`."""
        return CheckpointReader(self._client, self.serde)

    async def aclose(self) -> None:
        """Send queued entries and stop background work. The caller closes the client."""
        try:
            await self._queue.flush_all()
        finally:
            await self._background.end()

    def get_next_version(self, current: str | None, channel: None) -> str:  # noqa: ARG002 - LangGraph's signature
        """Count up, padded as in a LangGraph server since versions sort as text; forks get distinct ones."""
        count = int(str(current).partition(".")[0]) if current else 0
        return f"{count + 1:032}.{secrets.token_hex(4)}"

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint and its changed channels; one that a run can compute again may be deferred."""
        namespace, metadata = Namespace.of(config), get_checkpoint_metadata(config, metadata)
        entry = CheckpointEntry(namespace, checkpoint, metadata, get_checkpoint_id(config), new_versions)
        await self._queue.put(entry, deferred=bool(self._repeatable) and entry.is_derived)
        return namespace.config(entry.id)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store a task's writes; a repeatable node's may be deferred."""
        checkpoint_id = config["configurable"]["checkpoint_id"]
        entry = WritesEntry(Namespace.of(config), checkpoint_id, writes, task_id, task_path)
        await self._queue.put(entry, deferred=entry.is_plain_output(self._repeatable))

    @translate_errors()
    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        client, namespace = await self._client(), Namespace.of(config)
        await self._queue.flush(namespace.thread)
        checkpoint_id = get_checkpoint_id(config)
        if checkpoint_id is None:
            kept = self._latest.get(namespace)
            async with client.pipeline(transaction=False) as pipeline:
                pipeline.zrevrange(namespace.key("index"), 0, 0)
                if kept is not None:
                    pipeline.exists(namespace.writes(kept.id))
                ids, *written = await pipeline.execute()
            if not ids:
                return None
            checkpoint_id = text(ids[0])
            if kept is not None and kept.id == checkpoint_id and not any(written):
                return as_tuple(kept)
        raw = await client.hget(namespace.key("checkpoints"), checkpoint_id)
        if raw is None:
            return None
        return await self._reader.complete(client, namespace, checkpoint_id, unpack_record(raw, self.serde))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List checkpoints, newest first within each namespace."""
        await self._queue.flush_all()
        for task in self._background.here():
            await wait_ended(task)
        left = limit
        async for namespace, checkpoint_id, record in self._reader.scan(config, before):
            if left is not None and left <= 0:
                return
            if any(record.metadata.get(key) != value for key, value in (filter or {}).items()):
                continue
            async with translate_errors():
                client = await self._client()
                found = await self._reader.complete(client, namespace, checkpoint_id, record)
            yield found
            left = None if left is None else left - 1

    @translate_errors()
    async def ais_pending(self, thread_id: str) -> bool:
        """Return True when a thread may be pending; its state decides."""
        return await (await self._client()).zscore(PENDING, thread_id) is not None

    async def apending(self) -> list[str]:
        """List threads whose root graph may be pending, oldest first.

        A thread that crashed just before a checkpoint may be listed wrongly; its state decides.
        """
        async with translate_errors():
            client = await self._client()
            return list(map(text, await client.zrange(PENDING, 0, -1)))

    @translate_errors()
    async def athreads(self) -> list[str]:
        """List all threads, latest first; one that is being created or deleted may be empty."""
        return list(map(text, await (await self._client()).zrevrange(THREADS, 0, -1)))

    @translate_errors()
    async def adelete_thread(self, thread_id: str) -> None:
        self._queue.discard(str(thread_id))
        self._latest.discard(str(thread_id))
        await delete_thread(await self._client(), self.serde, str(thread_id))

    @translate_errors()
    async def amentions(self, thread_id: str, marks: Sequence[bytes]) -> bool:
        """Return True when the thread's checkpoints or pending writes contain one of `marks`."""
        await self._queue.flush(thread_id)
        return await mentions(await self._client(), thread_id, marks)

    @translate_errors()
    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        client = await self._client()
        await self._queue.flush_all()
        for run_id in run_ids:
            await delete_run(client, self.serde, str(run_id))

    @translate_errors()
    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy every checkpoint and pending write; the copy of a pending thread is pending."""
        await self._queue.flush(str(source_thread_id))
        await copy_thread(await self._client(), self.serde, str(source_thread_id), str(target_thread_id))

    @translate_errors()
    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep the latest checkpoint of each namespace ("keep_latest"), or nothing ("delete")."""
        if strategy not in {"keep_latest", "delete"}:
            raise ValueError(f"unknown strategy {strategy!r}: keep_latest or delete")
        client = await self._client()
        for thread in map(str, thread_ids):
            if strategy == "delete":
                await self.adelete_thread(thread)
                continue
            await self._queue.flush(thread)
            for namespace in await namespaces(client, thread):
                await prune(client, self.serde, namespace, 1)

    @translate_errors()
    async def _send(self, entries: Sequence[Entry]) -> None:
        for namespace, count in (await commit(await self._client(), self.serde, entries)).items():
            if count > 2 * self._keep:
                self._background.joined(namespace, partial(self._prune, namespace))
        self._latest.note(entries)

    @translate_errors()
    async def _prune(self, namespace: Namespace) -> None:
        await prune(await self._client(), self.serde, namespace, self._keep, spare_forked=True)
