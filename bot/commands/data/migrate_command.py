"""`goat migrate`: move the archives of all owners between files and PostgreSQL."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from bot.commands.command_app import command_settings
from bot.printable import printable, snippet
from graph.settings.settings import Settings
from graph.stores import owner_files, owner_partitions
from memory.episodic.log.episode_log import TIER, EpisodeLog
from memory.episodic.search.lookup import look_up
from memory.errors import ConfigError, MemoryTierError
from memory.owners.owner_copy import TableDigest, copy_tables
from memory.owners.owner_tables import OwnerTables

SAMPLE: Final = 10
"""Messages of an owner that are looked up in both."""
_TO_SERVER: Final = (
    "All owners are there. Set GOAT_ARCHIVE_URL and GOAT_CHROMA_URL and start the agent, which writes the"
    " vectors to Chroma without embedding anything again. The files stay; delete them when all is well."
)
_TO_FILES: Final = (
    "All owners are there. Remove GOAT_ARCHIVE_URL, set GOAT_DATA_FOLDER to the folder and start the agent."
    " What is in PostgreSQL stays; delete it when all is well."
)
_FAILED: Final = (
    "Not all owners are there, see above. The source is as it was; the same command goes on with the others."
)


def migrate(
    to: Annotated[
        str, typer.Option("--to", metavar="URL|FOLDER", help="postgresql://..., or a data folder.")
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Delete other data of an owner there.")] = False,
) -> None:
    """Copy the turns, facts and everything of all owners to PostgreSQL, or back to a data folder.

    Stop the agent first. Each owner is copied whole or not at all, and compared; the source stays. An owner
    that is there already is left out, so a migration that was broken off goes on with the same command.
    """
    failed = asyncio.run(run_migration(command_settings(), to, replace=replace))
    raise typer.Exit(1 if failed else 0)


async def run_migration(settings: Settings, to: str, *, replace: bool = False) -> bool:
    """Copy all owners and say what was done; return True if an owner could not be copied."""
    console = Console(highlight=False, soft_wrap=True)
    source, target = _ends(settings, to)
    try:
        failed = False
        for owner in await source.owners():
            try:
                text = await _migrated(source, target, owner, replace=replace)
            except MemoryTierError as error:
                text, failed = f"{owner}: not copied: {error.detail}", True
            console.print(Text(printable(text)))
    finally:
        await source.close()
        await target.close()
    console.print(Text(_FAILED if failed else _TO_SERVER if "://" in to else _TO_FILES))
    return failed


def _ends(settings: Settings, to: str) -> tuple[OwnerTables, OwnerTables]:
    """Return source and target."""
    if "://" in to:
        return owner_files(settings.data_folder), owner_partitions(SecretStr(to))
    if not settings.archive_url.get_secret_value():
        raise ConfigError("GOAT_ARCHIVE_URL is not set, so there is no PostgreSQL to copy from.")
    return owner_partitions(settings.archive_url), owner_files(Path(to).expanduser())


async def _migrated(source: OwnerTables, target: OwnerTables, owner: str, *, replace: bool) -> str:
    found, fresh = await copy_tables(source, target, owner=owner, replace=replace)
    asked = [episode.message for episode in await EpisodeLog(source).recent(owner=owner, limit=SAMPLE)]
    for message in asked:
        if not await _finds_the_same(source, target, owner, message):
            raise MemoryTierError(TIER, f"a search there finds something else for {snippet(message)!r}")
    return f"{owner}: {'copied' if fresh else 'there already'}, {_counts(found)}; compared with the source"


async def _finds_the_same(source: OwnerTables, target: OwnerTables, owner: str, message: str) -> bool:
    work = partial(look_up, query=message)
    one, other = [await tables.read(owner, TIER, work) for tables in (source, target)]
    return np.array_equal(one.seqs, other.seqs) and np.allclose(one.scores, other.scores)


def _counts(found: TableDigest) -> str:
    rows = found.rows
    return f"{rows['episodes']} turns, {rows['vectors'] + rows['vectors_2']} vectors, {rows['facts']} facts"
