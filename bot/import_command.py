"""`goat import`: load conversations from files into an owner's archive."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from bot.command import Owner, command_app, command_settings
from bot.importers.formats import Format, read_episodes
from bot.importers.importing import Imported, Stage, import_episodes
from graph.layers import open_layers
from graph.settings import Settings
from memory.protocols import EpisodeStore

app = command_app()


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="File, or folder of files, to read.")],
    format_: Annotated[Format, typer.Option("--format", help="What the file holds.")],
    owner: Owner = "",
    conversation: Annotated[str, typer.Option(help="Only this conversation of the file.")] = "",
) -> None:
    """Load conversations into an owner's archive.

    What stands there already is left alone.
    """
    settings = command_settings()
    asyncio.run(run_import(settings, file, format_, owner=owner or settings.owner, conversation=conversation))


class _Rate(ProgressColumn):
    """Turns a second."""

    def render(self, task: Task) -> Text:
        """Show the speed, once it is known."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} turns/s" if speed else "", style="progress.data.speed")


async def run_import(
    settings: Settings, file: Path, format_: Format, *, owner: str, conversation: str = ""
) -> Imported:
    """Import a file into the owner's archive, with a progress bar and a summary.

    Raises:
        BadImportFile: the file cannot be read; nothing is stored.
    """
    console = Console(highlight=False)
    async with open_layers(settings) as layers:
        imported = await _with_bars(
            console, layers.episodes, file, format_, owner=owner, conversation=conversation
        )
        await layers.cache.drop(owner=owner)
    console.print(f"{imported}.")
    return imported


async def _with_bars(
    console: Console, store: EpisodeStore, file: Path, format_: Format, *, owner: str, conversation: str
) -> Imported:
    episodes = read_episodes(file, format_, owner=owner, conversation=conversation)
    description = TextColumn("{task.description}")
    columns = (description, BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        tasks = {stage: bars.add_task(stage.value, total=None, start=False, visible=False) for stage in Stage}

        def show(done: int, total: int | None, stage: Stage) -> None:
            bars.start_task(tasks[stage])
            bars.update(tasks[stage], completed=done, total=total, visible=True)

        return await import_episodes(store, episodes, on_progress=show)
