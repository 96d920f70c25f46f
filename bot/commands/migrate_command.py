"""`goat migrate`: copy everything between the data folder and servers."""

import asyncio
import secrets
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from pydantic import SecretStr
from rich.console import Console

from bot.commands.command_app import command_settings
from bot.printable import show, snippet
from graph.settings.settings import Settings
from graph.stores import owner_files, owner_partitions, redis_connection
from memory.database import OwnerTables
from memory.episodic.log.episode_log import TIER, EpisodeLog
from memory.episodic.search.lookup import look_up
from memory.errors import ConfigError, MemoryTierError
from memory.owners.owner_copy import TableDigest, copy_tables
from memory.working.embedded_server import EmbeddedServer
from memory.working.redis_connection import RedisConnection, translate_errors
from memory.working.redis_copy import copy_keys
from memory.working.redis_urls import KINDS

SAMPLE: Final = 10
"""Number of an owner's latest messages that are searched in both, to compare the results."""
NAMED: Final = 20
"""Maximum number of owners listed in a message."""
_POSTGRES: Final = ("postgresql://", "postgres://")
_TO_SERVER: Final = (
    "All owners are there. Set GOAT_ARCHIVE_URL and GOAT_CHROMA_URL and start the agent, which writes the"
    " vectors to Chroma without embedding anything again. The files stay; delete them when all is well."
)
_TO_REDIS: Final = (
    "Conversations, unfinished turns and reminders are there. Set GOAT_REDIS_URL and start the agent. The"
    " data folder stays as it is; delete its folder redis when all is well."
)
_TO_FOLDER: Final = (
    "All is there. Remove the URLs of the servers, set GOAT_DATA_FOLDER to the folder and start the agent."
    " What the servers have stays; delete it when all is well."
)
_ONLY_THERE: Final = (
    "The target also has {count}, left as found: {names}. Whom you erased in the source, erase there too:"
    " goat forget --everything --owner NAME"
)
_UNREADABLE: Final = "{path} cannot be read, so its owner is not copied. Restore the file from a backup."
_ITSELF: Final = (
    "GOAT_REDIS_URL names the target already, so there is nothing to copy. Unset it to copy from the data"
    " folder, and set it again when all is there."
)
_MARK_SECONDS: Final = 60
_FAILED: Final = (
    "Not all owners are there, see above. The source is as it was; the same command goes on with the others."
)


def migrate(
    to: Annotated[
        str,
        typer.Option("--to", metavar="URL|FOLDER", help="postgresql://..., redis://..., or a data folder."),
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Delete other data there.")] = False,
) -> None:
    """Copy all data to servers, or back to a folder.

    PostgreSQL takes the owners' archives and facts; Redis conversations, unfinished turns and reminders; a
    folder what the configured servers have. Stop the agent first. Each owner is copied whole or not at all,
    and compared; the source stays. What is there already is left out, so a migration that was broken off goes
    on with the same command.
    """
    place = to if "://" in to else str(Path(to).expanduser())
    failed = asyncio.run(run_migration(command_settings(), place, replace=replace))
    raise typer.Exit(1 if failed else 0)


async def run_migration(settings: Settings, to: str, *, replace: bool = False) -> bool:
    """Copy and say what was done; return True if something could not be copied."""
    console = Console(highlight=False, soft_wrap=True)
    if to.partition("://")[0] in KINDS:
        return await _copy_redis(settings, RedisConnection(to), console, replace=replace)
    if to.startswith(_POSTGRES):
        source, target = owner_files(settings.data_folder), owner_partitions(SecretStr(to))
        return await _copy_owners(source, target, console, replace=replace)
    if "://" in to:
        raise ConfigError("--to takes postgresql://..., a redis:// URL as for GOAT_REDIS_URL, or a folder.")
    return await _copy_back(settings, Path(to), console, replace=replace)


async def _copy_back(settings: Settings, folder: Path, console: Console, *, replace: bool) -> bool:
    """Copy what the configured servers have to a data folder."""
    failed, urls = False, (settings.archive_url, settings.redis_url)
    if not any(url.get_secret_value() for url in urls):
        raise ConfigError("Neither GOAT_ARCHIVE_URL nor GOAT_REDIS_URL is set, so no server is to copy from.")
    if settings.archive_url.get_secret_value():
        source, target = owner_partitions(settings.archive_url), owner_files(folder)
        failed = await _copy_owners(source, target, console, replace=replace, done="")
    if settings.redis_url.get_secret_value() and not failed:
        embedded = RedisConnection("", EmbeddedServer(folder / "redis"))
        failed = await _copy_redis(settings, embedded, console, replace=replace, done="")
    if not failed:
        show(console, _TO_FOLDER)
    return failed


async def _copy_redis(
    settings: Settings, target: RedisConnection, console: Console, *, replace: bool, done: str = _TO_REDIS
) -> bool:
    source = redis_connection(settings)
    try:
        await _check_different(source, target)
        count = await copy_keys(source, target, replace=replace)
    except MemoryTierError as error:
        show(console, f"Redis: not copied: {error.detail}")
        return True
    finally:
        await source.close()
        await target.close()
    show(console, f"Redis: {count} keys are there; compared with the source\n{done}".strip())
    return False


@translate_errors()
async def _check_different(source: RedisConnection, target: RedisConnection) -> None:
    """Raise `ConfigError` if source and target are the same server, also under another name."""
    mark = f"migration:{secrets.token_hex(8)}"
    one, other = await source.client(), await target.client()
    await other.set(mark, 1, ex=_MARK_SECONDS)
    try:
        if await one.exists(mark):
            raise ConfigError(_ITSELF)
    finally:
        await other.delete(mark)


async def _copy_owners(
    source: OwnerTables, target: OwnerTables, console: Console, *, replace: bool, done: str = _TO_SERVER
) -> bool:
    failed, owners = False, await source.owners()
    try:
        for owner in owners:
            try:
                text = await _migrated(source, target, owner, replace=replace)
            except MemoryTierError as error:
                text, failed = f"{owner}: not copied: {error.detail}", True
            show(console, text)
        for path in await source.unreadable():
            show(console, _UNREADABLE.format(path=path))
            failed = True
        if not failed and (others := sorted({*await target.owners()} - {*owners})):
            show(console, _only_there(others), "yellow")
    finally:
        await source.close()
        await target.close()
    if failed or done:
        show(console, _FAILED if failed else done)
    return failed


def _only_there(owners: Sequence[str]) -> str:
    names = ", ".join(map(snippet, owners[:NAMED])) + (", ..." if len(owners) > NAMED else "")
    counted = "1 owner" if len(owners) == 1 else f"{len(owners)} owners"
    return _ONLY_THERE.format(count=counted, names=names)


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
