"""Sync of Redis threads to the thread list of LangGraph's server."""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from typing import Any, Protocol

import httpx
from langgraph_sdk.errors import LangGraphError, NotFoundError

from graph.checkpoint.checkpoint_records import THREADS, text
from graph.checkpoint.redis_saver import RedisSaver
from memory.errors import MemoryTierError
from memory.working.redis_connection import GetRedis, translate_errors

GRAPH = "goat"
"""Name of the graph in langgraph.json."""
MOST = 200
"""Number of latest threads listed."""
_PAGE = 100
MOST_SCANNED = 1000
"""Threads to scan for these, as delegated jobs are threads too."""
SECONDS = 3.0
"""Polling interval."""
logger = logging.getLogger(__name__)


class ServerThreads(Protocol):
    """LangGraph's client for threads, `LangGraphClient.threads`."""

    async def create(
        self, *, metadata: Any, thread_id: str | None, graph_id: str | None, if_exists: Any
    ) -> Any: ...

    async def search(self, *, limit: int, offset: int) -> Sequence[Any]: ...

    async def delete(self, thread_id: str) -> None:
        """Delete a thread and its runs."""
        ...


class ThreadList:
    """Adds the threads of Redis to the server's list, and deletes those erased from Redis.

    Their content stays in Redis; the server also stores the input of its runs, and the latest state.
    """

    def __init__(self, client: GetRedis, saver: RedisSaver, threads: ServerThreads) -> None:
        self._client = client
        self._saver = saver
        self._threads = threads
        self._known: set[str] = set()

    async def follow(self) -> None:
        """Add and delete threads until cancelled."""
        last_count = None
        while True:
            try:
                count = await self._count()
                if count != last_count:  # the server may have begun or erased threads itself
                    self._known |= await self._server_threads()
                    last_count = count
                await self.delete_gone()
                await self.add_new()
            except (MemoryTierError, httpx.HTTPError, LangGraphError) as error:
                logger.debug("Threads are not listed yet: %s", error)
            await asyncio.sleep(SECONDS)

    async def add_new(self) -> list[str]:
        """Add new threads, latest last, and return them; a failure does not stop the others."""
        added = []
        for thread in reversed(await self._latest()):
            try:
                if thread not in self._known and await self._add(thread):
                    added.append(thread)
            except (MemoryTierError, LangGraphError) as error:
                logger.warning("Thread %s is not listed: %s", thread, error)
                self._known.add(thread)
        return added

    async def delete_gone(self) -> list[str]:
        """Delete known threads that are gone from Redis, and return them."""
        dropped = []
        for thread in await self._gone():
            try:
                await self._threads.delete(thread)
            except NotFoundError:
                logger.debug("Thread %s is gone already", thread)
            self._known.discard(thread)
            dropped.append(thread)
        return dropped

    @translate_errors()
    async def _count(self) -> int:
        return int(await (await self._client()).zcard(THREADS))

    async def _server_threads(self) -> set[str]:
        """Return the threads that the server ran, or that were added here."""
        found: list[Any] = []
        while page := await self._threads.search(limit=_PAGE, offset=len(found)):
            found += page
        return {one["thread_id"] for one in found if one.get("values") or "owner" in one["metadata"]}

    @translate_errors()
    async def _gone(self) -> list[str]:
        known = sorted(self._known)
        if not known:
            return []
        scores: list[Any] = await (await self._client()).zmscore(THREADS, known)
        return [thread for thread, score in zip(known, scores, strict=True) if score is None]

    async def _add(self, thread: str) -> bool:
        """Add a thread and return True; False while its owner is unknown."""
        if not (owner := await self._owner(thread)):
            return False
        await self._threads.create(
            metadata={"owner": owner}, thread_id=thread, graph_id=GRAPH, if_exists="do_nothing"
        )
        self._known.add(thread)
        return True

    @translate_errors()
    async def _latest(self) -> list[str]:
        """Return the latest threads, latest first; the server accepts only UUIDs, which jobs do not have."""
        client = await self._client()
        found = map(text, await client.zrevrange(THREADS, 0, MOST_SCANNED - 1))
        return [thread for thread in found if _is_uuid(thread)][:MOST]

    async def _owner(self, thread: str) -> str:
        """Return a thread's owner; "" before its first turn is in the state."""
        found = await self._saver.aget_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": ""}})
        turn = found.checkpoint["channel_values"].get("turn") if found else None
        return str(turn.owner) if turn is not None else ""


def _is_uuid(thread: str) -> bool:
    try:
        return str(uuid.UUID(thread)) == thread
    except ValueError:
        return False
