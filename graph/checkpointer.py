"""The checkpointer, as `langgraph.json` names it and the agent opens it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from graph.layers import redis_connection
from graph.redis_saver import RedisSaver
from graph.serde import checkpoint_serde
from graph.settings import load_settings


@asynccontextmanager
async def open_checkpointer() -> AsyncIterator[RedisSaver]:
    """Open the checkpointer of the configured Redis, or of the private embedded one."""
    settings = load_settings()
    connection = redis_connection(lambda: settings)
    try:
        yield RedisSaver(connection.client, keep=settings.checkpoints_kept, serde=checkpoint_serde())
    finally:
        await connection.close()
