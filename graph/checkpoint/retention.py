"""Retention of stored checkpoints: pruning, deleting, copying."""

import time
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from langgraph.checkpoint.serde.base import SerializerProtocol

from graph.checkpoint.checkpoint_records import (
    PENDING,
    THREADS,
    Namespace,
    Record,
    namespaces_key,
    parse_run_member,
    run_key,
    run_member,
    text,
    unpack_record,
)
from graph.checkpoint.forks import forked_steps
from memory.errors import TierCorrupt

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline


class Content(NamedTuple):
    """Contents of a namespace."""

    raw: dict[str, bytes]
    """Checkpoints by id."""
    records: dict[str, Record]
    """Those of them that can be read."""
    blob_fields: list[bytes]
    written: list[str]
    """Checkpoint ids with pending writes; some may have no checkpoint."""


async def namespaces(client: "Redis", thread: str) -> list[Namespace]:
    found = await client.smembers(namespaces_key(thread))
    return [Namespace(thread, name) for name in sorted(map(text, found))]


async def prune(
    client: "Redis", serde: SerializerProtocol, namespace: Namespace, keep: int, *, spare_forked: bool = False
) -> None:
    """Delete all but the last `keep` checkpoints, and the data that only they refer to.

    With `spare_forked`, forked steps are kept as well, in place of up to half of the last `keep`.
    """
    content = await _read(client, serde, namespace)
    forked = forked_steps(content.records) if spare_forked else set[str]()
    latest = max(keep - len(forked), keep // 2, 1) if forked else keep
    kept = {*sorted(content.records)[-latest:], *forked}
    if not kept:
        return
    await _keep_only(client, namespace, content, kept)
    if namespace.is_root:
        await _drop_finished_tasks(client, serde, namespace.thread, oldest=min(kept))


async def delete_thread(client: "Redis", serde: SerializerProtocol, thread: str) -> None:
    """Delete a thread, then its index entries, so that a crash in between leaves it listed."""
    for namespace in await namespaces(client, thread):
        await _delete_namespace(client, serde, namespace)
    await _forget_thread(client, thread)


async def mentions(client: "Redis", thread: str, texts: Collection[bytes]) -> bool:
    """Return True when a checkpoint or a pending write of the thread holds one of the texts."""
    for namespace in await namespaces(client, thread):
        written = await client.zrange(namespace.key("written"), 0, -1)
        keys = [namespace.key("checkpoints"), namespace.key("blobs")]
        keys += [namespace.writes(text(checkpoint_id)) for checkpoint_id in written]
        for key in keys:
            values = await client.hvals(key)
            if any(one in value for value in values for one in texts):
                return True
    return False


async def delete_run(client: "Redis", serde: SerializerProtocol, run_id: str) -> None:
    """Delete a run's checkpoints in all threads."""
    gone: dict[Namespace, set[str]] = {}
    for member in await client.smembers(run_key(run_id)):
        namespace, checkpoint_id = parse_run_member(text(member))
        gone.setdefault(namespace, set()).add(checkpoint_id)
    for namespace, ids in gone.items():
        content = await _read(client, serde, namespace)
        await _keep_only(client, namespace, content, content.records.keys() - ids)
        if not await namespaces(client, namespace.thread):
            await _forget_thread(client, namespace.thread)
    await client.unlink(run_key(run_id))


async def copy_thread(client: "Redis", serde: SerializerProtocol, source: str, target: str) -> None:
    found = await namespaces(client, source)
    for namespace in found:
        await _copy_namespace(client, serde, namespace, Namespace(target, namespace.name))
    if found:
        await client.zadd(THREADS, {target: time.time()})
        if await client.zscore(PENDING, source) is not None:
            await client.zadd(PENDING, {target: time.time()})


async def _read(
    client: "Redis", serde: SerializerProtocol, namespace: Namespace, *, damaged: bool = False
) -> Content:
    """Read blobs before checkpoints, so that a blob written meanwhile does not look unreferenced.

    Raises:
        TierCorrupt: a checkpoint cannot be read, unless `damaged` ones are accepted.
    """
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.hkeys(namespace.key("blobs"))
        pipeline.zrange(namespace.key("written"), 0, -1)
        pipeline.hgetall(namespace.key("checkpoints"))
        blob_fields, written, checkpoints = await pipeline.execute()
    raw = {text(checkpoint_id): record for checkpoint_id, record in checkpoints.items()}
    records = dict[str, Record]()
    for checkpoint_id, record in raw.items():
        try:
            records[checkpoint_id] = unpack_record(record, serde)
        except TierCorrupt:
            if not damaged:
                raise
    return Content(raw, records, blob_fields, list(map(text, written)))


async def _keep_only(client: "Redis", namespace: Namespace, content: Content, kept: Collection[str]) -> None:
    """Delete all other checkpoints, older pending writes, and blobs that `kept` does not refer to."""
    gone = content.raw.keys() - set(kept)
    oldest = min(kept, default=None)
    stale = {name for name in content.written if oldest is None or name < oldest} | gone
    living = {field.encode() for name in kept for field in content.records[name].blob_fields}
    dead = [field for field in content.blob_fields if field not in living]
    async with client.pipeline(transaction=True) as pipeline:
        if gone:
            pipeline.hdel(namespace.key("checkpoints"), *gone)
            pipeline.zrem(namespace.key("index"), *gone)
        if stale:
            pipeline.zrem(namespace.key("written"), *stale)
            _unlink(pipeline, map(namespace.writes, stale))
        if dead:
            pipeline.hdel(namespace.key("blobs"), *map(text, dead))
        if not kept:
            pipeline.srem(namespaces_key(namespace.thread), namespace.name)
        await pipeline.execute()
    dropped = {name: content.records[name] for name in gone & content.records.keys()}
    await _update_runs(client, namespace, dropped, "SREM")


async def _drop_finished_tasks(
    client: "Redis", serde: SerializerProtocol, thread: str, *, oldest: str
) -> None:
    """Delete namespaces of subgraph runs older than `oldest`, the root's first checkpoint id."""
    tasks = [found for found in await namespaces(client, thread) if found.is_of_one_task]
    for namespace in tasks:
        newest = await client.zrevrange(namespace.key("index"), 0, 0)
        if newest and text(newest[0]) < oldest:
            await _delete_namespace(client, serde, namespace)


async def _delete_namespace(client: "Redis", serde: SerializerProtocol, namespace: Namespace) -> None:
    await _keep_only(client, namespace, await _read(client, serde, namespace, damaged=True), ())


async def _forget_thread(client: "Redis", thread: str) -> None:
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.zrem(PENDING, thread)
        pipeline.zrem(THREADS, thread)
        await pipeline.execute()


async def _copy_namespace(
    client: "Redis", serde: SerializerProtocol, source: Namespace, target: Namespace
) -> None:
    content = await _read(client, serde, source)
    blobs = await client.hgetall(source.key("blobs"))
    writes = {name: await client.hgetall(source.writes(name)) for name in content.written}
    await _update_runs(client, target, content.records, "SADD")
    async with client.pipeline(transaction=True) as pipeline:
        _put(pipeline, target.key("checkpoints"), content.raw)
        _put(pipeline, target.key("blobs"), blobs)
        for checkpoint_id, fields in writes.items():
            _put(pipeline, target.writes(checkpoint_id), fields)
        if content.raw:
            pipeline.zadd(target.key("index"), dict.fromkeys(content.raw, 0))
        if content.written:
            pipeline.zadd(target.key("written"), dict.fromkeys(content.written, 0))
        pipeline.sadd(namespaces_key(target.thread), target.name)
        await pipeline.execute()


def _unlink(pipeline: "Pipeline", keys: Iterable[str]) -> None:
    """Queue deletions; the `unlink` of a cluster pipeline is a coroutine that queues nothing."""
    for key in keys:
        pipeline.execute_command("UNLINK", key)


def _put(pipeline: "Pipeline", key: str, fields: Mapping[Any, bytes | str]) -> None:
    if fields:
        pipeline.hset(key, mapping=dict(fields.items()))


async def _update_runs(
    client: "Redis", namespace: Namespace, records: dict[str, Record], command: Literal["SADD", "SREM"]
) -> None:
    """Add checkpoints to the sets of their runs, or remove them; Redis drops empty sets."""
    async with client.pipeline(transaction=False) as pipeline:
        for checkpoint_id, record in records.items():
            if run_id := record.metadata.get("run_id"):
                pipeline.execute_command(command, run_key(run_id), run_member(namespace, checkpoint_id))
        await pipeline.execute()
