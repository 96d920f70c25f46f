"""What private messages leave in the log of Redis, where they are before they are answered: written anew."""

import asyncio
import logging
import time

from bot.telegram.bot_context import BotContext
from memory.errors import GoatError

GATHERING_SECONDS = 1.0
"""Private messages come several at a time: one rewrite does for all."""
SHARE = 0.1
"""The most of a server's time that goes into rewriting."""
logger = logging.getLogger(__name__)


async def sweep(desk: BotContext, left: asyncio.Event) -> None:
    """Have Redis write its files anew at the start, for what a kill left, and whenever `left` is set."""
    while True:
        began = time.monotonic()
        await _rewrite(desk)
        pause = (time.monotonic() - began) / SHARE
        await left.wait()
        await asyncio.sleep(max(GATHERING_SECONDS, pause))
        left.clear()


async def _rewrite(desk: BotContext) -> None:
    try:
        problem = await desk.agent.layers.redis.rewrite_files()
    except GoatError as error:
        problem = str(error)
    if problem:
        logger.warning("Private messages may stay on the disk of Redis: %s", problem)
