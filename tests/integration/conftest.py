"""The bot over the Bot API server of the tests, for whoever does not set it up otherwise."""

from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr

from graph.settings import Settings
from tests.servers.telegram import BotApi, running_bot_api
from tests.telegram_bot import ANA, Bot, running_bot


@pytest.fixture
def api() -> Iterator[BotApi]:
    """A Bot API server of the test's own."""
    with running_bot_api() as server:
        yield server


@pytest.fixture
def bot_settings(settings: Settings, api: BotApi, hash_vectors: None) -> Settings:
    """Settings of a bot that Ana runs."""
    return settings.model_copy(
        update={
            "telegram_token": SecretStr(api.token),
            "telegram_api": api.url,
            "telegram_admins": str(ANA),
            "telegram_rate": 0,
        }
    )


@pytest.fixture
async def bot(bot_settings: Settings, api: BotApi) -> AsyncIterator[Bot]:
    """A running bot; Bob may talk to it."""
    async with running_bot(bot_settings, api) as running:
        yield running
