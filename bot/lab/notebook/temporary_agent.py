"""An agent over stores in a temporary folder; of the user's, settings and embedding model are read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from bot.lab.bench.episodes import as_episodes
from bot.lab.bench.neutral import Archive
from graph.app import open_agent
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.stores import models_folder

_SERVERS = ("redis_url", "chroma_url", "letta_url")


@asynccontextmanager
async def temporary_agent(settings: Settings, owner: str) -> AsyncIterator[Agent]:
    """Open an agent whose folder goes with the block."""
    with TemporaryDirectory(prefix="goat-notebook-", ignore_cleanup_errors=True) as folder:
        async with open_agent(apart(settings, Path(folder), owner)) as agent:
            yield agent


def apart(settings: Settings, folder: Path, owner: str) -> Settings:
    """Return settings with embedded stores in `folder`, and without a model; thresholds as configured."""
    models = models_folder(settings).resolve()
    models.mkdir(mode=0o700, parents=True, exist_ok=True)  # or the model would be built anew each time
    (folder / "models").symlink_to(models)
    nothing: dict[str, object] = dict.fromkeys(_SERVERS, SecretStr(""))
    changes = {"data_folder": folder, "owner": owner, "model": "", "otlp_endpoint": "", **nothing}
    return settings.model_copy(update=changes)


async def fill(agent: Agent, archive: Archive, owner: str) -> None:
    """Put turns into the agent's archive, with their vectors; load what a first turn would wait for."""
    await agent.layers.episodes.append_many(as_episodes(archive, owner))
    await agent.layers.episodes.index(owner=owner)
    await agent.layers.warm_up(owner)
