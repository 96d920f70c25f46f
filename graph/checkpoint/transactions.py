"""Transactions that store checkpoints and task writes in a thread's slot, with index entries."""

import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import WRITES_IDX_MAP, ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.serde.base import SerializerProtocol

from graph.checkpoint.checkpoint_records import (
    PENDING,
    THREADS,
    Namespace,
    blob_field,
    namespaces_key,
    pack,
    pack_write,
    revived,
    run_key,
    run_member,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

_NEXT_STEP = ("branch:to:", "join:")
_NEXT_TASKS = {"__start__", "__pregel_tasks"}


@dataclass(frozen=True, slots=True)
class CheckpointEntry:
    """A checkpoint to store, with the versions of channels changed since its parent."""

    namespace: Namespace
    checkpoint: Checkpoint
    metadata: CheckpointMetadata
    parent: str | None
    changed: ChannelVersions

    @property
    def id(self) -> str:
        return self.checkpoint["id"]

    @property
    def is_pending(self) -> bool:
        """True when a node may have to run; errs towards True."""
        return any(
            channel in _NEXT_TASKS or channel.startswith(_NEXT_STEP)
            for channel, value in self.checkpoint["channel_values"].items()
            if not (isinstance(value, set | list | tuple) and not value)
        )

    @property
    def is_derived(self) -> bool:
        """True when a run can compute it again from its parent and the pending writes."""
        return self.metadata.get("source") == "loop" and self.is_pending

    @property
    def ends_run(self) -> bool:
        """True when it ends a run of the root graph."""
        return self.namespace.is_root and self.metadata.get("source") == "loop" and not self.is_pending


@dataclass(frozen=True, slots=True)
class WritesEntry:
    """A task's writes on top of a checkpoint."""

    namespace: Namespace
    checkpoint_id: str
    writes: Sequence[tuple[str, Any]]
    task_id: str
    task_path: str

    def is_plain_output(self, nodes: Collection[str]) -> bool:
        """Return True for writes by one of `nodes`, without an error, an interrupt or a resume value."""
        kind, _, node = self.task_path.partition(", ")  # LangGraph's path of a node's task
        if kind != "~__pregel_pull" or node not in nodes:
            return False
        return not any(channel in WRITES_IDX_MAP for channel, _ in self.writes)


Entry = CheckpointEntry | WritesEntry


async def commit(
    client: "Redis", serde: SerializerProtocol, entries: Sequence[Entry]
) -> dict[Namespace, int]:
    """Store entries of one thread in a transaction; return the number of checkpoints in each namespace.

    A pending thread is listed before its first checkpoint: in the same transaction, or just before it in a
    cluster, where the lists are in other slots. If a killed server lost the parent, all channels are stored.
    """
    checkpoints = [entry for entry in entries if isinstance(entry, CheckpointEntry)]
    begins = any(entry.is_pending and not entry.is_derived for entry in checkpoints)
    ends = bool(checkpoints) and not checkpoints[-1].is_pending
    listed = begins or ends or any(entry.metadata.get("run_id") for entry in checkpoints)
    at_once = listed and not _has_slots(type(client))
    if begins and not at_once:
        await _list_alone(client, checkpoints)
    stored = await _store(client, serde, entries, listed=checkpoints if at_once else (), whole=False)
    if not all(found.has_parent for found in stored.values()):
        stored = await _store(client, serde, entries, whole=True)
    if listed and not at_once and (ends or not begins):
        await _list_alone(client, checkpoints)
    return {namespace: found.checkpoints for namespace, found in stored.items()}


@cache
def _has_slots(kind: type) -> bool:
    """Return True for a cluster's client, whose transactions are limited to one slot."""
    from redis.asyncio import RedisCluster  # noqa: PLC0415 - 0.1 s that no command without Redis needs

    return issubclass(kind, RedisCluster)


@dataclass(frozen=True, slots=True)
class _Stored:
    checkpoints: int
    has_parent: bool


async def _store(
    client: "Redis",
    serde: SerializerProtocol,
    entries: Sequence[Entry],
    *,
    listed: Sequence[CheckpointEntry] = (),
    whole: bool,
) -> dict[Namespace, _Stored]:
    checkpoints: defaultdict[Namespace, list[CheckpointEntry]] = defaultdict(list)
    async with client.pipeline(transaction=True) as pipeline:
        if listed:
            _list_thread(pipeline, listed)
        for entry in entries:
            if isinstance(entry, WritesEntry):
                _put_writes(pipeline, serde, entry)
            else:
                checkpoints[entry.namespace].append(entry)
        for namespace, found in checkpoints.items():
            _put_checkpoints(pipeline, serde, namespace, found, whole=whole)
        for namespace, found in checkpoints.items():
            known = found[0].parent or found[0].id
            pipeline.hstrlen(namespace.key("checkpoints"), known)  # a cluster refuses `hexists` here
            pipeline.zcard(namespace.key("index"))
        done = await pipeline.execute()
    answers = done[len(done) - 2 * len(checkpoints) :]
    return {
        namespace: _Stored(int(count), has_parent=whole or found[0].parent is None or bool(length))
        for (namespace, found), length, count in zip(
            checkpoints.items(), answers[::2], answers[1::2], strict=True
        )
    }


def _put_checkpoints(
    pipeline: "Pipeline",
    serde: SerializerProtocol,
    namespace: Namespace,
    entries: Sequence[CheckpointEntry],
    *,
    whole: bool,
) -> None:
    """Queue checkpoints with their changed channels, or all, in separate hashes."""
    blobs: dict[Any, bytes | str] = {}
    records: dict[Any, bytes | str] = {}
    for entry in entries:
        checkpoint = entry.checkpoint
        versions, values = checkpoint["channel_versions"], checkpoint["channel_values"]
        for channel, version in (versions if whole else entry.changed).items():
            has_value = channel in values
            blob = pack(revived(channel, values[channel], serde), serde) if has_value else b""
            blobs[blob_field(channel, version)] = blob
        body = {key: value for key, value in checkpoint.items() if key != "channel_values"}
        records[entry.id] = pack([body, entry.metadata, entry.parent], serde)
    if blobs:
        pipeline.hset(namespace.key("blobs"), mapping=blobs)
    pipeline.hset(namespace.key("checkpoints"), mapping=records)
    pipeline.sadd(namespaces_key(namespace.thread), namespace.name)
    pipeline.zadd(namespace.key("index"), {entry.id: 0 for entry in entries})


def _put_writes(pipeline: "Pipeline", serde: SerializerProtocol, entry: WritesEntry) -> None:
    """Queue a task's writes; the first write of an index wins, but errors and interrupts are replaced."""
    pipeline.zadd(entry.namespace.key("written"), {entry.checkpoint_id: 0})
    for position, (channel, value) in enumerate(entry.writes):
        index = WRITES_IDX_MAP.get(channel, position)
        put = pipeline.hset if index < 0 else pipeline.hsetnx
        write = pack_write((entry.task_path, entry.task_id), index, channel, value, serde)
        put(entry.namespace.writes(entry.checkpoint_id), f"{entry.task_id}\0{index}", write)


async def _list_alone(client: "Redis", entries: Sequence[CheckpointEntry]) -> None:
    async with client.pipeline(transaction=False) as pipeline:
        _list_thread(pipeline, entries)
        await pipeline.execute()


def _list_thread(pipeline: "Pipeline", entries: Sequence[CheckpointEntry]) -> None:
    """Queue the index entries of checkpoints."""
    now = time.time()
    pipeline.zadd(THREADS, {entries[-1].namespace.thread: now})
    for entry in entries:
        if run_id := entry.metadata.get("run_id"):
            pipeline.sadd(run_key(run_id), run_member(entry.namespace, entry.id))
    for entry in [entry for entry in entries if entry.namespace.is_root][-1:]:
        if entry.is_pending:
            pipeline.zadd(PENDING, {entry.namespace.thread: now}, nx=True)
        else:
            pipeline.zrem(PENDING, entry.namespace.thread)
