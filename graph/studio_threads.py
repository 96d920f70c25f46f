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
MOST_LOOKED_AT = 1000
"""So many are looked through for these: delegated jobs are threads too."""
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
        """Enter what is not known yet, the latest last, and return it; one that fails holds up no other."""
        entered = []
        for thread in reversed(await self._latest()):
            try:
                if thread not in self._known and await self._enter(thread):
                    entered.append(thread)
            except (MemoryTierError, LangGraphError) as error:
                logger.warning("Thread %s is not listed: %s", thread, error)
                self._known.add(thread)
        return entered

    async def _enter(self, thread: str) -> bool:
        """Enter a thread, once it is known whose it is."""
        if not (owner := await self._owner(thread)):
            return False
        await self._threads.create(
            metadata={"owner": owner}, thread_id=thread, graph_id=GRAPH, if_exists="do_nothing"
        )
        self._known.add(thread)
        return True

    @translate_errors()
    async def _latest(self) -> list[str]:
        """Return the latest threads, latest first; a server takes plain UUIDs only, and a job is none."""
        client = await self._client()
        found = map(text, await client.zrevrange(THREADS, 0, MOST_LOOKED_AT - 1))
        return [thread for thread in found if _is_uuid(thread)][:MOST]

    async def _owner(self, thread: str) -> str:
        """Return whose thread it is; empty while its first turn has only begun."""
        found = await self._saver.aget_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": ""}})
        turn = found.checkpoint["channel_values"].get("turn") if found else None
        return str(turn.owner) if turn is not None else ""


def _is_uuid(thread: str) -> bool:
    try:
        return str(uuid.UUID(thread)) == thread
    except ValueError:
        return False
