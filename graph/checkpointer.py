"""The checkpointer that `langgraph.json` names; it opens and closes the layers with the server.

While it is open, the server lists the threads of all front ends.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator

from langgraph_sdk import get_client

from graph.builder import make_archive
from graph.checkpoint.redis_saver import RedisSaver
from graph.checkpoint.serde import StateSerializer
from graph.layers import Layers
from graph.runtime.server_notes import is_running, mark_running
from graph.studio.left_turns import LeftTurns
from graph.studio.studio_graph import layers
from graph.studio.thread_list import ThreadList
from memory.concurrency.tasks import end
from memory.errors import GoatError

logger = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def open_checkpointer() -> AsyncIterator[RedisSaver]:
    """Open the checkpointer on the layers' Redis; warm up the layers, and close them at the end.

    It stores each step and each task's writes immediately, so that Studio can show them.

    Raises:
        ConfigError: a setting is invalid; the server does not start.
    """
    opened = await asyncio.to_thread(layers)
    settings = opened.settings
    alone = not await asyncio.to_thread(is_running, settings.data_folder)
    in_use = await asyncio.to_thread(mark_running, settings.data_folder)
    warming = asyncio.create_task(_warm_up(opened))
    saver = RedisSaver(opened.redis.client, keep=settings.checkpoints_kept, serde=StateSerializer())
    listing = asyncio.create_task(_keep_threads(opened, saver, alone=alone))
    try:
        yield saver
    finally:
        await end(listing)
        await end(warming)
        await saver.aclose()
        await opened.close()
        os.close(in_use)


async def _warm_up(layers: Layers) -> None:
    try:
        layers.delegation.begin()
        await layers.warm_up(layers.settings.owner)
        await layers.reconcile()
    except GoatError as error:
        logger.warning("The first turn will be slower, or have no memory: %s", error)


async def _keep_threads(layers: Layers, saver: RedisSaver, *, alone: bool) -> None:
    """Archive what an earlier server left, unless it still runs; keep the thread list in sync with Redis."""
    async with get_client() as client:
        left = LeftTurns(layers.journal, make_archive(layers, layers.journal), saver, client.runs)
        work = [ThreadList(layers.redis.client, saver, client.threads).follow()]
        await asyncio.gather(*work, *([left.archive_all()] if alone else []))
