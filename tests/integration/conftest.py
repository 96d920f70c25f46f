"""A bot over the tests' Bot API server: one shared, and one for tests with other settings."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from graph.settings.settings import Settings
from tests.servers.model import ModelServer
from tests.servers.telegram import BotApi, running_bot_api
from tests.telegram_bot import Bot, lasting_bot, settings_of_bot


@pytest.fixture
def api() -> Iterator[BotApi]:
    """A separate Bot API server."""
    with running_bot_api() as server:
        yield server


@pytest.fixture
def bot_settings(settings: Settings, api: BotApi, hash_vectors: None) -> Settings:
    """Settings of a separate bot."""
    return settings_of_bot(settings, api)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _lasting_bot(
    tmp_path_factory: pytest.TempPathFactory, _model_server: ModelServer
) -> AsyncIterator[Bot]:
    async with lasting_bot(tmp_path_factory.mktemp("bot"), _model_server) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def bot(_lasting_bot: Bot, model: ModelServer) -> Bot:
    """The shared running bot, emptied; Bob may use it."""
    await _lasting_bot.begin_anew()
    model.reset()
    return _lasting_bot
