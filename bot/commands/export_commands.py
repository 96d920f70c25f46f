"""`goat export` and `goat import`: all of a memory in a file, and conversations from files."""

import asyncio
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.commands.command_app import Owner, command_settings
from bot.exports.owner_export import export_owner
from bot.exports.owner_import import OwnerImport, is_export, open_export
from bot.importers.formats import UNATTRIBUTED, Format, ImportedEpisodes, recognise
from bot.importers.import_file import ImportFile
from bot.importers.importer import ImportResult, Stage, embed_episodes, store_episodes
from bot.importers.source import BadImportFile
from bot.presentation.command_output import ProgressBars
from bot.printable import show, snippet
from graph.layers import Layers, open_layers
from graph.settings.settings import Settings
from memory.database import owner_key
from memory.errors import ConfigError


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
    """Export an owner, and print the size of the file."""
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
    show(
        console,
        f"{path}: {manifest.lines('turns'):,} turns of {owner}, with all that belongs to them"
        f" ({size / 1e6:,.1f} MB). Anyone who has the file can read it.",
    )


OTHERS = " They count as said by others; if the messages are your own words, run it again with --mine."
LATER = (
    "Stopped. Everything is stored and can be found by its words; some of it cannot be found by meaning yet."
    " That follows when the agent runs, or with the same command."
)
WHOLE = (
    "This is the whole memory of {theirs}. With it you take over its words, facts and identity as those of"
    " {whose}. Go on only if you made this export."
)
FORMAT_HELP = "Format of the file; recognised by default."


def import_(
    file: Annotated[Path, typer.Argument(help="File, ZIP or folder to read.")],
    format_: Annotated[Format | None, typer.Option("--format", help=FORMAT_HELP)] = None,
    owner: Owner = "",
    me: Annotated[str, typer.Option(help="Your name in a chat between people; - for none of them.")] = "",
    conversation: Annotated[str, typer.Option(help="Only this conversation of the file.")] = "",
    mine: Annotated[bool, typer.Option("--mine", help="The messages are your own words.")] = False,
) -> None:
    """Load an export, or conversations of other programs, into the memory.

    It reads exports of GOAT, ChatGPT, Claude, Telegram and WhatsApp. What is archived already is skipped,
    so that a grown file can be imported again. In a file that names its speakers, your words count as
    yours, and others' words as theirs: they are recalled, but the agent takes no orders from them. In any
    other file all is others' without --mine.
    """
    settings = command_settings()
    if file.exists() and not (file.is_file() or file.is_dir()):
        raise BadImportFile(f"{file}: expected a file or a folder, found a pipe or a device. Save it first.")
    if format_ is None and is_export(file):
        asyncio.run(run_export_import(settings, file, owner=owner, mine=mine))
        return
    options = ImportOptions(owner or settings.owner, format_, me, conversation, mine)
    asyncio.run(run_import(settings, file, options))


@dataclass(frozen=True, slots=True)
class ImportOptions:
    owner: str
    format: Format | None = None
    me: str = ""
    conversation: str = ""
    mine: bool = False


async def run_import(settings: Settings, path: Path, options: ImportOptions) -> ImportResult:
    """Import a file into the owner's archive, with progress bars and a summary."""
    console, owner = Console(highlight=False), options.owner
    async with open_layers(settings) as layers:
        file = ImportFile(path, owner, options.me, layers.zone)
        format_ = await asyncio.to_thread(recognise, file) if options.format is None else options.format
        episodes = ImportedEpisodes(file, format_, options.conversation, options.mine)
        with _Bars(console) as bars:
            imported = await store_episodes(layers.episodes, episodes, on_progress=bars.show)
            asking = imported.new and not options.mine and format_ in UNATTRIBUTED
            console.print(f"{imported}.{OTHERS if asking else ''}")
            await _embed(layers, console, bars, owner, imported.total)
    return imported


async def run_export_import(settings: Settings, path: Path, *, owner: str = "", mine: bool = False) -> int:
    """Import an export, after a question unless `mine` is set; return the number of new turns."""
    console = Console(highlight=False)
    with open_export(path) as export:
        theirs = export.manifest.owner
        whose = owner or theirs
        if not mine:
            await _confirm(WHOLE.format(theirs=snippet(theirs), whose=snippet(whose)))
        async with open_layers(settings) as layers:
            with _Bars(console) as bars:
                added = await OwnerImport(layers, export, whose, bars.show_section)()
                total = export.manifest.lines("turns")
                show(console, f"{ImportResult(total, added)}; the memory of {whose} has them.")
                await _embed(layers, console, bars, whose, added)
    return added


async def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigError(f"{question} Nobody can be asked here: add --mine if you did.")
    if not await asyncio.to_thread(typer.confirm, f"{question} Import it?"):
        raise typer.Abort


async def _embed(layers: Layers, console: Console, bars: "_Bars", owner: str, imported: int) -> None:
    try:
        await layers.cache.drop(owner=owner)
        await embed_episodes(layers.episodes, owner=owner, imported=imported, on_progress=bars.show)
    except asyncio.CancelledError:
        console.print(LATER)
        raise
    await layers.cache.drop(owner=owner)


class _Bars(ProgressBars):
    """One progress bar for each stage, shown when the stage begins."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._tasks_of = {stage: self.add_task("", total=None, start=False, visible=False) for stage in Stage}

    def show_section(self, name: str, done: int, total: int) -> None:
        """Show how much of an export's section is imported."""
        task = self._tasks_of[Stage.STORING]
        self.start_task(task)
        self.update(task, description=name, completed=done, total=total, visible=True)

    def show(self, done: int, total: int | None, stage: Stage) -> None:
        loading = stage is Stage.EMBEDDING and total is None
        self.start_task(self._tasks_of[stage])
        self.update(
            self._tasks_of[stage],
            description="loading the embedding model" if loading else stage.value,
            completed=done,
            total=total,
            visible=True,
        )
