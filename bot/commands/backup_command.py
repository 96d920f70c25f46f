"""`goat backup` and `goat restore`: copies of a data folder."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import TaskID

from bot.backups.backup_folder import BackupFolder, is_encrypted, open_backups
from bot.backups.data_backup import back_up, restore
from bot.backups.sealing import BackupRefused
from bot.commands.command_app import command_settings, first_line
from bot.presentation.command_output import ProgressBars
from bot.printable import show
from graph.settings.settings import Settings
from memory.errors import ConfigError

Folder = Annotated[Path, typer.Argument(help="Folder of the backups.")]
Passphrase = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="File with it in the first line; - for stdin."),
]


def backup(
    folder: Folder,
    encrypt: Annotated[bool, typer.Option("--encrypt", help="Ask for a passphrase.")] = False,
    passphrase_file: Passphrase = None,
    keep: Annotated[int, typer.Option(min=1, help="Delete all but the last backups.")] = 1_000_000,
) -> None:
    """Back up the data folder, also while an agent runs.

    The backup is verified. What an earlier backup in the folder has is not stored again. With a passphrase
    all is encrypted; without the passphrase nobody can read it, you neither.
    """
    settings, console = command_settings(), Console(highlight=False)
    known = is_encrypted(folder)
    if encrypt and passphrase_file is None and not sys.stdin.isatty():
        raise ConfigError("Nobody can be asked for a passphrase here. Name its file with --passphrase-file.")
    secret = _passphrase(passphrase_file, ask=encrypt or known, new=not known)
    with open_backups(folder, secret, create=True) as backups, ProgressBars(console, transient=True) as bars:
        name = back_up(settings.data_folder.expanduser(), backups, _Shown(bars))
        saved = backups.get(name)
        deleted, kept = _keep_last(backups, keep)
    show(
        console,
        f"Backup {name}: {len(saved.files)} files, {saved.size / 1e6:,.1f} MB, of which"
        f" {backups.added / 1e6:,.1f} MB are new. It is verified."
        + (f" Older backups deleted: {deleted}." if deleted else ""),
    )
    for part in [*kept, *_elsewhere(settings)]:
        show(console, part, "yellow")


def restore_(
    folder: Folder,
    name: Annotated[str, typer.Argument(help="Name of the backup; by default the latest.")] = "",
    to: Annotated[Path | None, typer.Option(help="Empty folder; by default the data folder.")] = None,
    passphrase_file: Passphrase = None,
) -> None:
    """Write a backup to an empty data folder.

    Nothing is overwritten.
    """
    settings, console = command_settings(), Console(highlight=False)
    secret = _passphrase(passphrase_file, ask=is_encrypted(folder))
    data = to or settings.data_folder
    with open_backups(folder, secret) as backups, ProgressBars(console, transient=True) as bars:
        chosen = name or next(reversed(backups.names()), "")
        restore(backups.get(chosen), backups, data, _Shown(bars))
    show(console, f"{data} is as it was at {chosen}. The agent rebuilds the vector index at its next start.")


def _keep_last(backups: BackupFolder, count: int) -> tuple[int, list[str]]:
    """Delete older backups; return how many, and a warning if that failed: the new backup is valid anyway."""
    try:
        return backups.keep_last(count), []
    except BackupRefused as error:
        return 0, [str(error)]


class _Shown:
    """A progress bar for each step."""

    def __init__(self, bars: ProgressBars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step)
        self._bars.update(self._tasks[step], completed=done, total=total)


def _passphrase(file: Path | None, *, ask: bool, new: bool = False) -> str:
    """Read the passphrase from the first line of its file, or ask for it; empty for none."""
    if file is None:
        asked = ask and sys.stdin.isatty()
        return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new)) if asked else ""
    return first_line(file, "passphrase")


def _elsewhere(settings: Settings) -> list[str]:
    """Return a warning for each store that is on a server, and so not in the backup."""
    servers = {
        "Conversations, unfinished turns and queues are on the Redis server": settings.redis_url,
        "Turns, facts and identities are in PostgreSQL": settings.archive_url,
        "Facts and identities are on the Letta server": settings.letta_url,
    }
    there = [what for what, url in servers.items() if url.get_secret_value()]
    return [f"{what}, and not in this backup: back it up too." for what in there]
