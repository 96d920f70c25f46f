"""Threads that were begun in a chat or in the terminal, made known to LangGraph's server."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import httpx
from langgraph_sdk.errors import LangGraphError
from redis.asyncio import Redis

from graph.redis_saver import RedisSaver
from graph.redis_saver_keys import THREADS
from graph.redis_saver_upkeep import text
from memory.errors import MemoryTierError
from memory.working.client import translate_errors

GRAPH = "goat"
"""The graph's name in langgraph.json."""
MOST = 200
"""The latest threads that are shown."""
SECONDS = 3.0
"""After so long a thread that was just begun is there too."""
logger = logging.getLogger(__name__)


class ServerThreads(Protocol):
    """The threads that a LangGraph server lists, as `LangGraphClient.threads` gives them."""

    async def create(
        self, *, metadata: Any, thread_id: str | None, graph_id: str | None, if_exists: Any
    ) -> Any:
        """Enter a thread."""
        ...


class ThreadList:
    """Enter the threads of Redis in the server's list, each once; what they hold stays in Redis."""

    def __init__(
        self, client: Callable[[], Awaitable[Redis]], saver: RedisSaver, threads: ServerThreads
    ) -> None:
        self._client = client
        self._saver = saver
        self._threads = threads
        self._known: set[str] = set()

    async def follow(self) -> None:
        """Enter what there is, and what is begun later, until cancelled."""
        while True:
            try:
                await self.enter_new()
            except (MemoryTierError, httpx.HTTPError, LangGraphError) as error:
                logger.debug("Threads are not listed yet: %s", error)
            await asyncio.sleep(SECONDS)

    async def enter_new(self) -> list[str]:
        """Enter what is not known yet, and return it; a server takes UUIDs only, and a job is none."""
        entered = []
        for thread in await self._latest():
            if thread in self._known or not _is_uuid(thread):
                continue
            metadata = {"owner": await self._owner(thread)}
            await self._threads.create(
                metadata=metadata, thread_id=thread, graph_id=GRAPH, if_exists="do_nothing"
            )
            self._known.add(thread)
            entered.append(thread)
        return entered

    @translate_errors()
    async def _latest(self) -> list[str]:
        client = await self._client()
        return [text(thread) for thread in await client.zrevrange(THREADS, 0, MOST - 1)]

    async def _owner(self, thread: str) -> str:
        """Return whose thread it is; empty while its first turn has only begun."""
        found = await self._saver.aget_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": ""}})
        turn = found.checkpoint["channel_values"].get("turn") if found else None
        return str(turn.owner) if turn is not None else ""


def _is_uuid(thread: str) -> bool:
    try:
        return bool(uuid.UUID(thread))
    except ValueError:
        return False
