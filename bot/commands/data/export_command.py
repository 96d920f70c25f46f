"""`goat export`: write all of an owner's memory to a file."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from bot.commands.command_app import Owner, command_settings
from bot.exports.owner_export import export_owner
from graph.layers import open_layers
from graph.settings.settings import Settings
from memory.errors import ConfigError
from memory.owners.owner_tables import owner_key


def export(
    file: Annotated[
        Path | None, typer.Argument(help="File to write; by default named after owner and day.")
    ] = None,
    owner: Owner = "",
) -> None:
    """Write all of an owner's memory to a file.

    It is a ZIP of JSON Lines, which `goat import` reads back. It has turns, facts, identity, conversations,
    ratings, labels, observations and vectors, unencrypted.
    """
    settings = command_settings()
    whose = owner or settings.owner
    path = file or Path(f"goat-{owner_key(whose)}-{datetime.now():%Y-%m-%d}.zip")  # noqa: DTZ005 - a day for people
    asyncio.run(run_export(settings, whose, path))


async def run_export(settings: Settings, owner: str, path: Path) -> None:
    """Export an owner, and say what the file has."""
    console = Console(highlight=False)
    async with open_layers(settings) as layers:
        try:
            with console.status("exporting"):
                manifest = await export_owner(layers, owner, path)
        except FileExistsError:
            raise ConfigError(f"{path} exists. Name another file, or remove it first.") from None
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}. Name another file.") from None
    size = (await asyncio.to_thread(path.stat)).st_size
    console.print(
        Text(
            f"{path}: {manifest.lines('turns'):,} turns of {owner}, with all that belongs to them"
            f" ({size / 1e6:,.1f} MB). Anyone who has the file can read it."
        )
    )
