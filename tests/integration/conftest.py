"""The bot over the Bot API server of the tests: one for all, and one for whoever sets it up otherwise."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from graph.settings.settings import Settings
from tests.servers.model import ModelServer
from tests.servers.telegram import BotApi, running_bot_api
from tests.telegram_bot import Bot, lasting_bot, settings_of, settings_of_bot


@pytest.fixture
def settings(data_folder: Path, model: ModelServer) -> Settings:
    """Settings over the embedded stores and the test's model."""
    return settings_of(data_folder, model)


@pytest.fixture
def api() -> Iterator[BotApi]:
    """A Bot API server of the test's own."""
    with running_bot_api() as server:
        yield server


@pytest.fixture
def bot_settings(settings: Settings, api: BotApi, hash_vectors: None) -> Settings:
    """Settings of a bot of the test's own."""
    return settings_of_bot(settings, api)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _lasting_bot(
    tmp_path_factory: pytest.TempPathFactory, _model_server: ModelServer
) -> AsyncIterator[Bot]:
    async with lasting_bot(tmp_path_factory.mktemp("bot"), _model_server) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def bot(_lasting_bot: Bot, model: ModelServer) -> Bot:
    """The running bot of all tests, with nothing said yet; Bob may talk to it."""
    await _lasting_bot.begin_anew()
    model.reset()
    return _lasting_bot
