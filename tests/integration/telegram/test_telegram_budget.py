"""The budget of a day in Telegram."""

from datetime import timedelta

import pytest

from graph.model.token_meter import TokenMeter
from graph.settings.settings import Settings
from memory.models import Episode
from memory.working.redis_usage import Usage
from tests.servers.model import ModelServer
from tests.servers.telegram import BotApi
from tests.telegram_bot import ANA, BOB, running_bot

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWNER = f"telegram-{BOB}"


async def test_the_budget_warns_once_then_answers_from_memory_and_loses_nothing(
    bot_settings: Settings, api: BotApi, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.reply("Noted.")
    async with running_bot(bot_settings.model_copy(update={"telegram_budget_requests": 5}), api) as bot:
        layers = bot.context.agent.layers
        today = layers.meter.today
        monkeypatch.setattr(TokenMeter, "today", today)
        answers = [await bot.ask(BOB, f"My cat number {number} is grey.") for number in range(5)]
        warned = "Little is left of today's budget for this chat: {} of 5 messages are used."
        assert answers == [*["Noted."] * 3, f"Noted.\n\n{warned.format(4)}", "Noted."]
        asked = len(model.chats)
        await layers.episodes.index(owner=OWNER)
        assert "⏰" in await bot.ask(BOB, "remind me in 3 hours to swim")
        over = await bot.ask(BOB, "What colour is my cat number 3?")
        assert "Today's budget for this chat is used up (5 of 5 messages)" in over
        assert len(model.chats) == asked
        assert "used up" in await bot.ask(BOB, "/retry")
        assert await bot.ask(ANA, "And mine?") == "Noted."
        kept: list[Episode] = await layers.episodes.recent(owner=OWNER, limit=9)
        assert "What colour is my cat number 3?" in [episode.message for episode in kept]
        await layers.meter.flush()
        used = await layers.usage.of(today, owner=OWNER)
        assert used.requests == 5
        assert used.tokens > 5
        stats = await bot.ask(BOB, "/stats")
        assert f"{today}: 5 messages, {used.tokens:,} tokens" in stats
        assert "Today's budget: 5 of 5 messages" in stats
        monkeypatch.setattr(TokenMeter, "today", today + timedelta(days=1))
        assert await bot.ask(BOB, "/retry") == "Noted."
        assert (await layers.usage.of(layers.meter.today, owner=OWNER)).requests == 1


async def test_tokens_are_counted_as_the_endpoint_says_or_by_an_estimate(
    bot_settings: Settings, api: BotApi, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.reply("Noted, and that is all there is to say.")
    async with running_bot(bot_settings.model_copy(update={"telegram_budget_tokens": 1}), api) as bot:
        layers = bot.context.agent.layers
        monkeypatch.setattr(TokenMeter, "today", layers.meter.today)
        assert "Little is left" in await bot.ask(BOB, "My cat is grey.")
        used = await layers.usage.of(layers.meter.today, owner=OWNER)
        assert used != Usage()
        assert 40 < used.tokens < 4000
        over = await bot.ask(BOB, "! And what is the capital of Peru?")
        assert "used up" in over
        assert "Nothing of your message is kept: send it again" in over
        assert "/retry" not in over
