"""Turns that an earlier server left unfinished, archived when the next one starts."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx
from langgraph.checkpoint.base import CheckpointTuple
from langgraph_sdk.errors import LangGraphError, NotFoundError

from graph.checkpoint.redis_saver import RedisSaver
from graph.runtime.pending_turns import PATIENCE
from memory.errors import MemoryTierError
from memory.models import Episode
from memory.working.redis_journal import RedisJournal
from nodes.archive import Archive

RETRY_SECONDS = 3.0
_OPEN = ("pending", "running")
_INTERRUPT = "__interrupt__"
logger = logging.getLogger(__name__)


class ServerRuns(Protocol):
    """LangGraph's client for runs, `LangGraphClient.runs`."""

    async def list(self, thread_id: str, *, status: Any) -> Sequence[Any]:
        """List a thread's runs of a status."""
        ...


@dataclass(frozen=True, slots=True)
class LeftTurns:
    """Archives the journal's turns, except those that the server runs again or that wait for approval."""

    journal: RedisJournal
    archive: Archive
    saver: RedisSaver
    runs: ServerRuns

    async def archive_all(self) -> None:
        """Archive them as far as they got, as soon as the server answers."""
        while True:
            try:
                return await self._archive_entries()
            except (MemoryTierError, httpx.HTTPError, LangGraphError) as error:
                logger.debug("Unfinished turns are not archived yet: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _archive_entries(self) -> None:
        async for entry in self.journal.all():
            if await self._is_running(entry.episode):
                continue
            try:
                if not await self._waits(entry.episode):
                    await self.archive.write_unfinished(entry)
            except MemoryTierError as error:  # the next start tries again
                logger.warning("A turn of thread %s is not archived: %s", entry.episode.thread, error)

    async def _is_running(self, episode: Episode) -> bool:
        try:
            return any([await self.runs.list(episode.thread, status=status) for status in _OPEN])
        except NotFoundError:
            return False

    async def _waits(self, episode: Episode) -> bool:
        """Return True when the turn waits for approval, which can be given for a week."""
        config: Any = {"configurable": {"thread_id": episode.thread, "checkpoint_ns": ""}}
        found = await self.saver.aget_tuple(config)
        return found is not None and _asks(found, episode) and datetime.now(UTC) - episode.at < PATIENCE


def _asks(found: CheckpointTuple, episode: Episode) -> bool:
    turn = found.checkpoint["channel_values"].get("turn")
    here = turn is not None and turn.turn_id == episode.turn_id
    return here and any(channel == _INTERRUPT for _, channel, _ in found.pending_writes or ())
