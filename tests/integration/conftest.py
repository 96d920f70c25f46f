"""The bot over the Bot API server of the tests: one for all, and one for whoever sets it up otherwise."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

import graph.layers
from graph.settings import Settings
from tests.servers.hash_embeddings import HashEmbeddings
from tests.servers.model import ModelServer
from tests.servers.telegram import BotApi, running_bot_api
from tests.telegram_bot import ANA, Bot, running_bot


def settings_of(data_folder: Path, model: ModelServer) -> Settings:
    """Return settings over embedded stores, patient with a busy machine."""
    return Settings(
        data_folder=data_folder,
        model="test",
        model_base_url=model.base_url,
        model_timeout=60,
        prefetch_timeout=30,
        timezone="UTC",
    )


def settings_of_bot(settings: Settings, api: BotApi) -> Settings:
    """Return settings of a bot that Ana runs."""
    return settings.model_copy(
        update={
            "telegram_token": SecretStr(api.token),
            "telegram_api": api.url,
            "telegram_admins": str(ANA),
            "telegram_rate": 0,
        }
    )


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
    data_folder = tmp_path_factory.mktemp("bot") / "data"
    data_folder.mkdir(mode=0o700)
    settings = settings_of(data_folder, _model_server)
    with pytest.MonkeyPatch.context() as patch, running_bot_api() as api:
        patch.setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings())
        async with running_bot(settings_of_bot(settings, api), api) as running:
            yield running


@pytest_asyncio.fixture(loop_scope="session")
async def bot(_lasting_bot: Bot, model: ModelServer) -> Bot:
    """The running bot, with nothing said yet; Bob may talk to it."""
    await _lasting_bot.begin_anew()
    model.reset()
    return _lasting_bot
