"""What private messages leave in the log of Redis, where they are before they are answered: written anew."""

import asyncio
import logging

from bot.telegram.desk import Desk
from memory.errors import GoatError

GATHERING_SECONDS = 1.0
"""Private messages come several at a time: one rewrite does for all."""
logger = logging.getLogger(__name__)


async def sweep(desk: Desk, left: asyncio.Event) -> None:
    """Have Redis write its files anew at the start, for what a kill left, and whenever `left` is set."""
    while True:
        try:
            if reason := await desk.agent.layers.redis.write_files_anew():
                logger.warning("Private messages may stay on the disk of Redis: %s", reason)
        except GoatError as error:
            logger.warning("Private messages may stay on the disk of Redis: %s", error)
        await left.wait()
        await asyncio.sleep(GATHERING_SECONDS)
        left.clear()
