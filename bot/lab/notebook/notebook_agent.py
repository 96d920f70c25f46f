"""The agent of a notebook: the settings of its folder, and an agent over temporary stores."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.lab.bench.bench_layers import temporary_settings
from bot.lab.bench.episodes import as_episodes
from bot.lab.bench.neutral import Archive
from graph.app import open_agent
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from memory.errors import ConfigError


def settings_in(folder: Path) -> Settings:
    """Load the settings of a folder.

    Raises:
        ConfigError: they cannot be read; says why.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"There is no folder {str(folder)!r} (looked for from {Path.cwd()}). "
            "Give the folder that goat.toml and .env are in."
        )
    with chdir(folder):
        return load_settings()


@asynccontextmanager
async def temporary_agent(settings: Settings, owner: str) -> AsyncIterator[Agent]:
    """Open an agent whose folder is deleted after the block."""
    with TemporaryDirectory(prefix="goat-notebook-", ignore_cleanup_errors=True) as folder:
        async with open_agent(temporary_settings(settings, Path(folder), owner)) as agent:
            yield agent


async def fill(agent: Agent, archive: Archive, owner: str) -> None:
    """Archive and embed turns, and load what the first turn needs."""
    await agent.layers.episodes.append_many(as_episodes(archive, owner))
    await agent.layers.episodes.index(owner=owner)
    await agent.layers.warm_up(owner)
