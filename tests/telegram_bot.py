"""The bot over real stores, against the tests' Bot API server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import graph.layers
from bot.telegram.bot_context import BotContext
from bot.telegram.process.bot_process import Duty, open_bot, run_duty
from graph.app import open_agent
from graph.settings.settings import Settings
from tests.agent_settings import settings_of
from tests.lasting import empty
from tests.servers.hash_embeddings import HashEmbeddings
from tests.servers.model import ModelServer
from tests.servers.telegram import BotApi, Message, running_bot_api

ANA, BOB, EVE = 101, 102, 666
"""Ana runs the bot, Bob may use it, Eve may not."""
SECONDS = 100.0
"""Deadline in seconds for what takes well under one on a quiet machine."""


@dataclass(frozen=True, slots=True)
class Bot:
    """A running bot and its servers."""

    context: BotContext
    api: BotApi

    async def until(self, happened: Callable[[], object]) -> None:
        """Wait until the chats meet a condition."""
        await self.api.until(happened, SECONDS)

    async def answers(self, chat_id: int, count: int = 1) -> list[Message]:
        """Wait until the bot has sent this many final messages to a chat."""
        await self.until(lambda: len(self.api.answers(chat_id)) >= count)
        await self.idle()
        return self.api.answers(chat_id)

    async def ask(self, chat_id: int, text: str, **options: Any) -> str:
        """Send a message, and return the bot's answer."""
        before = len(self.api.answers(chat_id))
        self.api.says(chat_id, text, **options)
        return (await self.answers(chat_id, before + 1))[-1].text

    async def ask_beside(self, chat_id: int, text: str, **options: Any) -> str:
        """Send a message, and return the bot's whole answer; other chats may still be busy."""
        self.api.says(chat_id, text, **options)
        return (await self.api.until(lambda: self.api.answers(chat_id), SECONDS))[-1].text

    async def idle(self) -> None:
        """Wait until every received update is handled."""
        async with asyncio.timeout(SECONDS):
            while self.api.pending or await self.context.lanes.waiting():  # noqa: ASYNC110 - in Redis
                await asyncio.sleep(0.02)

    async def begin_anew(self) -> None:
        """Forget all chats; Bob may use the bot again."""
        self.api.forget()
        await self.idle()
        courier = self.context.courier
        await empty(self.context.agent)
        for kept in (courier._blocked, courier._next_frame):
            kept.clear()
        self.api.forget()
        await self.context.access.allow(BOB)


def settings_of_bot(settings: Settings, api: BotApi) -> Settings:
    """Return settings of a bot run by Ana."""
    return settings.model_copy(
        update={
            "telegram_token": SecretStr(api.token),
            "telegram_api": api.url,
            "telegram_admins": str(ANA),
            "telegram_rate": 0,
        }
    )


@asynccontextmanager
async def lasting_bot(folder: Path, model: ModelServer, **changes: object) -> AsyncIterator[Bot]:
    """Run a bot with changed settings that serves several tests; see `Bot.begin_anew`."""
    (folder / "data").mkdir(mode=0o700)
    with running_bot_api() as api:
        settings = settings_of_bot(settings_of(folder / "data", model), api)
        async with AsyncExitStack() as stack:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings())
                bot = await stack.enter_async_context(running_bot(settings.model_copy(update=changes), api))
                assert bot.context.agent.layers.embeddings.name == HashEmbeddings().name
            yield bot


@asynccontextmanager
async def running_bot(settings: Settings, api: BotApi, part: Duty = Duty.ALL) -> AsyncIterator[Bot]:
    """Run the bot in this process during the block; it waits for no forward after a short text, and tries
    again soon.
    """
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("bot.telegram.turns.bursts.COMMENT_SECONDS", 0.0)
        patch.setattr("bot.telegram.process.workers._DOWN_PAUSE", 0.05)
        patch.setattr("bot.telegram.process.workers._IDLE_SECONDS", 0.1)
        agent = await stack.enter_async_context(open_agent(settings))
        app, context = await stack.enter_async_context(open_bot(settings, agent))
        running = asyncio.create_task(run_duty(app, context, part, stop))
        await context.access.allow(BOB)
        try:
            yield Bot(context, api)
        finally:
            stop.set()
            await running
