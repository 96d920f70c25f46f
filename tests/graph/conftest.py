"""A shared agent for tests of turns, over hashed embeddings, with two plugins."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

import graph.layers
from graph.app import open_agent
from graph.runtime.agent import Agent
from tests.agent_settings import settings_of
from tests.lasting import empty
from tests.plugins import DELETING, add_plugin
from tests.servers.hash_embeddings import HashEmbeddings
from tests.servers.model import ModelServer


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _lasting_agent(
    tmp_path_factory: pytest.TempPathFactory, _model_server: ModelServer
) -> AsyncIterator[Agent]:
    folder = tmp_path_factory.mktemp("lasting")
    add_plugin(folder, "deleting.py", DELETING)
    async with AsyncExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings(part=2000))
            opened = await stack.enter_async_context(open_agent(settings_of(folder, _model_server)))
        await opened.layers.warm_up("ana")
        assert opened.layers.embeddings.name == HashEmbeddings().name
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def agent(_lasting_agent: Agent, model: ModelServer) -> Agent:
    """The agent, emptied; it loads no model."""
    await empty(_lasting_agent)
    model.reset()
    return _lasting_agent
