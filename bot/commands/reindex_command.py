"""`goat reindex`: embed an owner's archive again."""

import asyncio

from rich.console import Console
from rich.text import Text

from bot.commands.command_app import Owner, command_settings
from bot.commands.progress_bars import ProgressBars
from graph.layers import open_layers
from graph.settings.settings import Settings


def reindex(owner: Owner = "") -> None:
    """Embed an owner's whole archive again.

    For instance after a change of the embedding model.
    """
    settings = command_settings()
    asyncio.run(run_reindex(settings, owner=owner or settings.owner))


async def run_reindex(settings: Settings, *, owner: str) -> None:
    """Drop the owner's vectors and rebuild them from the log, with a progress bar."""
    console = Console(highlight=False)
    done = 0
    async with open_layers(settings) as layers:
        with ProgressBars(console) as bar:
            task = bar.add_task("embedding", total=None)
            await layers.cache.drop(owner=owner)
            async for progress in layers.episodes.reindex(owner=owner):
                done = progress.done
                bar.update(task, completed=progress.done, total=progress.total)
        model = layers.embeddings.name
    console.print(Text(f"{done} turns of {owner} are embedded again by {model}."))
