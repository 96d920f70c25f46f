"""How a checkpoint gets into Redis: a transaction in its thread's slot, and index entries."""

import time
from typing import NamedTuple

from langgraph.checkpoint.base import CheckpointMetadata
from redis.asyncio import Redis

from graph.redis_saver_keys import PENDING, THREADS, Namespace, namespaces_key, run_key, run_member


class Stored(NamedTuple):
    """What a namespace holds once a checkpoint is written."""

    checkpoints: int
    has_parent: bool
    """False when the server lost its last writes since, and with them values the checkpoint refers to."""


async def store_checkpoint(
    client: Redis,
    namespace: Namespace,
    checkpoint_id: str,
    parent: str | None,
    record: bytes,
    blobs: dict[str, bytes],
) -> Stored:
    """Write a checkpoint and the values that changed since its parent, at once."""
    async with client.pipeline(transaction=True) as pipeline:
        pipeline.hstrlen(namespace.checkpoints, parent or checkpoint_id)  # a cluster refuses `hexists` here
        if blobs:
            pipeline.hset(namespace.blobs, mapping=dict(blobs.items()))
        pipeline.hset(namespace.checkpoints, checkpoint_id, record)
        pipeline.sadd(namespaces_key(namespace.thread), namespace.name)
        pipeline.zadd(namespace.index, {checkpoint_id: 0})
        pipeline.zcard(namespace.index)
        known, *_, count = await pipeline.execute()
    return Stored(int(count), has_parent=parent is None or bool(known))


async def list_thread(
    client: Redis, namespace: Namespace, checkpoint_id: str, metadata: CheckpointMetadata, *, pending: bool
) -> None:
    """Enter a checkpoint in the indexes across threads, which other slots of a cluster hold."""
    now = time.time()
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.zadd(THREADS, {namespace.thread: now})
        if run_id := metadata.get("run_id"):
            pipeline.sadd(run_key(run_id), run_member(namespace, checkpoint_id))
        if namespace.is_root and pending:
            pipeline.zadd(PENDING, {namespace.thread: now}, nx=True)
        elif namespace.is_root:
            pipeline.zrem(PENDING, namespace.thread)
        await pipeline.execute()
