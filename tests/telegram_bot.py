"""The bot over real stores, against the Bot API server of the tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bot.telegram.desk import Desk
from bot.telegram.part import Part
from bot.telegram.running import open_bot, run_parts
from graph.app import open_agent
from graph.settings import Settings
from tests.servers.telegram import BotApi, Message

ANA, BOB, EVE = 101, 102, 666
"""Ana runs the bot, Bob may talk to it, Eve may not."""
SECONDS = 100.0
"""For what comes to pass in well under one on a quiet machine."""


@dataclass(frozen=True, slots=True)
class Bot:
    """A running bot, and the world around it."""

    desk: Desk
    api: BotApi

    async def answers(self, chat_id: int, count: int = 1, seconds: float = SECONDS) -> list[Message]:
        """Wait until the bot has said so many things in a chat that do not change any more."""

        def said() -> list[Message]:
            found = [message for message in self.api.answers(chat_id) if message.text != "…"]
            return found if len(found) >= count else []

        found = await self.api.until(said, seconds)
        await self.idle(seconds)
        return [message for message in self.api.answers(chat_id) if message.text != "…"] or found

    async def ask(self, chat_id: int, text: str, **options: Any) -> str:
        """Say something, and return the bot's answer."""
        before = len(self.api.answers(chat_id))
        self.api.says(chat_id, text, **options)
        return (await self.answers(chat_id, before + 1))[-1].text

    async def idle(self, seconds: float = SECONDS) -> None:
        """Wait until everything that came in is dealt with."""
        async with asyncio.timeout(seconds):
            while self.api.pending or await self.desk.lanes.waiting():  # noqa: ASYNC110 - in Redis
                await asyncio.sleep(0.02)

    async def begin_anew(self) -> None:
        """Forget all that people said and were answered; Bob may talk again."""
        self.api.forget()
        await self.idle()
        agent, courier = self.desk.agent, self.desk.courier
        for owner in await agent.layers.files.owners():
            await agent.erase(owner)
        await (await agent.layers.redis.client()).flushall()
        for kept in (courier._blocked, courier._next_frame, courier._calls, self.desk.outbox.unnoted):
            kept.clear()
        self.api.forget()
        await self.desk.access.allow(BOB)


@asynccontextmanager
async def running_bot(settings: Settings, api: BotApi, part: Part = Part.ALL) -> AsyncIterator[Bot]:
    """Run the bot in this process for the time of the block."""
    stop = asyncio.Event()
    async with open_agent(settings) as agent, open_bot(settings, agent) as (app, desk):
        running = asyncio.create_task(run_parts(app, desk, part, stop))
        await desk.access.allow(BOB)
        try:
            yield Bot(desk, api)
        finally:
            stop.set()
            await running
