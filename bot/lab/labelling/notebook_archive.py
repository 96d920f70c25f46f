"""The archive for a notebook: the user's own, or the demonstration."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.lab.labelling.demonstration import OWNER, play_days, story
from bot.lab.notebook.temporary_agent import temporary_agent
from graph.layers import Layers, open_layers
from graph.runtime.agent import Agent
from graph.settings.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookArchive:
    """An archive with recorded turns."""

    layers: Layers
    owner: str
    turns: int
    """Number of recorded turns."""
    demonstration: Agent | None = None
    """The demonstration's agent; None for the user's own archive."""
    gold: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The demonstration's memory that answers each message, by turn id."""

    def __str__(self) -> str:
        """Describe the archive and its owner."""
        if self.demonstration is None:
            return f"Your own archive: {self.turns} recorded turns of {self.owner!r}."
        return (
            f"A DEMONSTRATION, since no turn of yours is recorded here: {self.turns} turns of a made-up "
            "group chat, in a temporary folder. Nothing of what follows is about you."
        )


def _no_progress(_: int) -> Callable[[], None]:
    return lambda: None


@asynccontextmanager
async def open_archive(
    settings: Settings,
    owner: str = "",
    *,
    counting: Callable[[int], Callable[[], None]] = lambda _: lambda: None,
) -> AsyncIterator[NotebookArchive]:
    """Open the owner's archive, by default the configured owner's, or the demonstration if it has no record.

    The user's archive is only read. `counting` is called with the number of the demonstration's turns, and
    what it returns is called after each turn.

    Raises:
        ConfigError, MemoryTierError: the archive cannot be read.
    """
    owner = owner or settings.owner
    if recorded := await _count_recorded(settings, owner):
        async with open_layers(settings) as layers:
            yield NotebookArchive(layers=layers, owner=owner, turns=recorded)
        return
    said, told = story()
    async with temporary_agent(settings, OWNER) as agent:
        await play_days(agent, said, told, counting(len(said)))
        gold = {one.turn_id: one.gold for one in said}
        yield NotebookArchive(
            layers=agent.layers, owner=OWNER, turns=len(said), demonstration=agent, gold=gold
        )


async def _count_recorded(settings: Settings, owner: str) -> int:
    """Count the owner's recorded turns, without creating a folder."""
    if not (settings.data_folder / "owners").is_dir():
        return 0
    async with open_layers(settings) as layers:
        return await layers.observations.count(owner=owner)
