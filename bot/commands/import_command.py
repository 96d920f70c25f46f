"""`goat import` and `goat reindex`: load conversations into an owner's archive, and embed it again."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from bot.commands.command_app import Owner, command_settings
from bot.importers.formats import Format, read_episodes
from bot.importers.importer import ImportResult, Stage, embed_episodes, store_episodes
from bot.presentation.progress_bars import ProgressBars
from graph.layers import open_layers
from graph.settings.settings import Settings

OTHERS = " They count as said by others; if the messages are your own words, run it again with --mine."
LATER = (
    "Stopped. Everything is stored and can be found by its words; some of it cannot be found by meaning yet."
    " That follows when the agent runs, or with the same command."
)


def import_(
    file: Annotated[Path, typer.Argument(help="File, or folder of files, to read.")],
    format_: Annotated[Format, typer.Option("--format", help="Format of the file.")],
    owner: Owner = "",
    conversation: Annotated[str, typer.Option(help="Only this conversation of the file.")] = "",
    mine: Annotated[bool, typer.Option("--mine", help="The messages are your own words.")] = False,
) -> None:
    """Load conversations into an owner's archive.

    Turns that are archived already are skipped. Imported text counts as said by others: it is recalled, but
    the agent takes no orders from it. With --mine the messages count as your own words, also those of an
    earlier import.
    """
    settings = command_settings()
    whose = owner or settings.owner
    asyncio.run(run_import(settings, file, format_, owner=whose, conversation=conversation, mine=mine))


async def run_import(
    settings: Settings,
    file: Path,
    format_: Format,
    *,
    owner: str,
    conversation: str = "",
    mine: bool = False,
) -> ImportResult:
    """Import a file into the owner's archive, with progress bars and a summary."""
    console = Console(highlight=False)
    episodes = read_episodes(file, format_, owner=owner, conversation=conversation, mine=mine)
    async with open_layers(settings) as layers:
        with _Bars(console) as bars:
            imported = await store_episodes(layers.episodes, episodes, on_progress=bars.show)
            console.print(f"{imported}.{OTHERS if imported.new and not mine else ''}")
            try:
                await layers.cache.drop(owner=owner)
                await embed_episodes(
                    layers.episodes, owner=owner, imported=imported.total, on_progress=bars.show
                )
            except asyncio.CancelledError:
                console.print(LATER)
                raise
        await layers.cache.drop(owner=owner)
    return imported


class _Bars(ProgressBars):
    """One progress bar for each stage, shown when the stage begins."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._tasks_of = {stage: self.add_task("", total=None, start=False, visible=False) for stage in Stage}

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
