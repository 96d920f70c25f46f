"""Pages and a real browser, only collected on request, as by `make test-browser`."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from graph.settings.settings import Settings
from graph.tools.plugins.plugin_registry import SHIPPED
from tests.plugins import Plugins, open_plugins
from tests.servers.web import WebServer, running_web_server


@pytest.fixture
def web() -> Iterator[WebServer]:
    with running_web_server() as server:
        yield server


@pytest.fixture
async def plugins(tmp_path: Path) -> AsyncIterator[Plugins]:
    settings = Settings(data_folder=tmp_path, fetch_private=True, browser_timeout=20)
    async with open_plugins(settings, shipped=SHIPPED) as opened:
        yield opened


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Plugins]:
    async with open_plugins(Settings(data_folder=tmp_path), shipped=SHIPPED) as opened:
        yield opened
