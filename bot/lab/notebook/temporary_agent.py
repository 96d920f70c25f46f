"""An agent over temporary stores; only the user's settings and embedding model are read."""

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
    """Open an agent whose folder is deleted after the block."""
    with TemporaryDirectory(prefix="goat-notebook-", ignore_cleanup_errors=True) as folder:
        async with open_agent(temporary_settings(settings, Path(folder), owner)) as agent:
            yield agent


def temporary_settings(settings: Settings, folder: Path, owner: str) -> Settings:
    """Return settings with embedded stores in `folder`, without a model; thresholds as configured."""
    models = models_folder(settings).resolve()
    models.mkdir(mode=0o700, parents=True, exist_ok=True)  # or the model would be built each time
    (folder / "models").symlink_to(models)
    nothing: dict[str, object] = dict.fromkeys(_SERVERS, SecretStr(""))
    changes = {"data_folder": folder, "owner": owner, "model": "", "otlp_endpoint": "", **nothing}
    return settings.model_copy(update=changes)


async def fill(agent: Agent, archive: Archive, owner: str) -> None:
    """Archive and embed turns, and load what the first turn needs."""
    await agent.layers.episodes.append_many(as_episodes(archive, owner))
    await agent.layers.episodes.index(owner=owner)
    await agent.layers.warm_up(owner)
