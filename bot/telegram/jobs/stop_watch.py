"""Stop of a running turn by /stop, which another process may receive.

* `reply:LANE`   id of the turn that is being answered in a chat or topic
* `stop:TURN`    exists once a person asked to stop this turn
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from bot.telegram.bot_context import BotContext
from bot.telegram.place import Place
from memory.concurrency.tasks import end
from memory.errors import TierUnavailable
from memory.working.redis_connection import translate_errors

_LOOK_SECONDS = 0.3
_RUNNING_SECONDS = 10
"""Renewed at each look; a killed process leaves the key for this long."""
_STOP_SECONDS = 60 * 60
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StopWatch:
    """Stops the running turn of a chat or topic."""

    context: BotContext
    place: Place

    @property
    def _running(self) -> str:
        return self.context.keys("reply", self.place.lane)

    @asynccontextmanager
    async def watch(self, turn_id: str) -> AsyncIterator[None]:
        """Let /stop end this turn during the block."""
        task = asyncio.create_task(self._watch(turn_id))
        try:
            yield
        finally:
            await end(task)
            with suppress(TierUnavailable):
                async with translate_errors():
                    await (await self.context.lanes.client()).delete(self._running)

    async def _watch(self, turn_id: str) -> None:
        while True:
            try:
                async with translate_errors(), (await self.context.lanes.client()).pipeline() as pipeline:
                    pipeline.set(self._running, turn_id, ex=_RUNNING_SECONDS)
                    pipeline.exists(self.context.keys("stop", turn_id))
                    *_, stopped = await pipeline.execute()
                if stopped:
                    self.context.agent.stop(turn_id)
            except TierUnavailable as error:
                logger.info("A turn cannot be stopped for now: %s", error)
            await asyncio.sleep(_LOOK_SECONDS)

    @translate_errors()
    async def stop(self) -> bool:
        """Ask the running turn to stop; return False if none is running."""
        client = await self.context.lanes.client()
        turn_id = await client.get(self._running)
        if isinstance(turn_id, bytes):
            await client.set(self.context.keys("stop", turn_id.decode()), 1, ex=_STOP_SECONDS)
        return turn_id is not None
