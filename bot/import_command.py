"""`goat import`: load conversations from files into an owner's archive."""

from pathlib import Path

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

from bot.importers.formats import Format, read_episodes
from bot.importers.importing import Imported, Stage, import_episodes
from graph.layers import open_layers
from graph.settings import Settings
from memory.protocols import EpisodeStore

__all__ = ["Format", "run_import"]


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
