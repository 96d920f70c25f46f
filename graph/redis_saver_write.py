"""How a checkpoint gets into Redis: a transaction in its thread's slot, and index entries."""

import time

from langgraph.checkpoint.base import CheckpointMetadata
from redis.asyncio import Redis

from graph.redis_saver_keys import PENDING, THREADS, Namespace, namespaces_key, run_key, run_member


async def store_checkpoint(
    client: Redis, namespace: Namespace, checkpoint_id: str, record: bytes, blobs: dict[str, bytes]
) -> int:
    """Write a checkpoint at once; return how many the namespace holds."""
    async with client.pipeline(transaction=True) as pipeline:
        if blobs:
            pipeline.hset(namespace.blobs, mapping=dict(blobs.items()))
        pipeline.hset(namespace.checkpoints, checkpoint_id, record)
        pipeline.sadd(namespaces_key(namespace.thread), namespace.name)
        pipeline.zadd(namespace.index, {checkpoint_id: 0})
        pipeline.zcard(namespace.index)
        return int((await pipeline.execute())[-1])


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
