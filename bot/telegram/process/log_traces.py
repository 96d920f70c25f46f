"""Removal of private messages from Redis' append-only file, by rewriting it."""

import asyncio
import logging
import time

from bot.telegram.bot_context import BotContext
from memory.errors import GoatError

GATHERING_SECONDS = 1.0
"""Private messages often come several at a time; one rewrite serves all."""
SHARE = 0.1
"""Largest share of the server's time spent on rewrites."""
logger = logging.getLogger(__name__)


async def sweep(context: BotContext, left: asyncio.Event) -> None:
    """Rewrite Redis' files at the start, because of crashes, and whenever `left` is set."""
    while True:
        began = time.monotonic()
        await _rewrite(context)
        pause = (time.monotonic() - began) / SHARE
        await left.wait()
        await asyncio.sleep(max(GATHERING_SECONDS, pause))
        left.clear()


async def _rewrite(context: BotContext) -> None:
    try:
        problem = await context.agent.layers.redis.rewrite_files()
    except GoatError as error:
        problem = str(error)
    if problem:
        logger.warning("Private messages may stay on the disk of Redis: %s", problem)
