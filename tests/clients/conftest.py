"""The clients and the server that they talk to."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from graph.app import open_agent
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from tests.clients.agent_chat import running_page
from tests.clients.npm_packages import NpmPackages, install
from tests.plugins import LAMP
from tests.servers.model import ModelServer, running_model_server
from tests.servers.studio import StudioServer
from tests.studio import running_studio, shared_folder


@pytest.fixture(scope="session")
def packages() -> NpmPackages:
    return install()


@pytest.fixture(scope="session")
def chat_page(packages: NpmPackages) -> Iterator[str]:
    with running_page(packages.chat) as url:
        yield url


@pytest.fixture(scope="module")
def _model() -> Iterator[ModelServer]:
    with running_model_server() as running:
        yield running


@pytest.fixture
def model(_model: ModelServer) -> ModelServer:
    _model.reset()
    return _model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Path:
    made = shared_folder(tmp_path_factory.mktemp("studio"), model_folder)
    (made / "data" / "plugins").mkdir()
    (made / "data" / "plugins" / "lamp.py").write_text(LAMP)
    return made


@pytest.fixture(scope="module")
def server(folder: Path, _model: ModelServer, chat_page: str) -> Iterator[StudioServer]:
    with running_studio(folder, _model, studio_origins=chat_page) as running:
        yield running


@pytest.fixture
async def agent(server: StudioServer, folder: Path) -> AsyncIterator[Agent]:
    """An agent of this process over the server's memory."""
    async with open_agent(Settings(data_folder=folder / "data")) as opened:
        yield opened
