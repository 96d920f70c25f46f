"""The archive for a notebook: the user's own, or the demonstration."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.lab.labelling.demonstration import OWNER, play_days, story
from bot.lab.notebook.notebook_agent import temporary_agent
from graph.layers import Layers, open_layers
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from memory.errors import ConfigError
from memory.temporal.named_bound import read_bound


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookArchive:
    """An archive with recorded turns."""

    layers: Layers
    owner: str
    turns: int
    """Number of recorded turns."""
    imported: int = 0
    """Number of imported turns, asked again or not."""
    demonstration: Agent | None = None
    """The demonstration's agent; None for the user's own archive."""
    gold: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The demonstration's memory that answers each message, by turn id."""

    def __str__(self) -> str:
        """Describe the archive and its owner."""
        if self.demonstration is None:
            imported = f", {self.imported} imported" if self.imported else ""
            return f"Your own archive: {self.turns} recorded turns of {self.owner!r}{imported}."
        return (
            f"A DEMONSTRATION, since no turn of yours is recorded or imported here: {self.turns} turns of a "
            "made-up group chat, in a temporary folder. Nothing of what follows is about you."
        )

    def read_since(self, since: str) -> datetime:
        """Return the start of the time that `since` names, in the archive's time zone.

        Raises:
            ConfigError: it names no time.
        """
        try:
            return read_bound(since, now=datetime.now(UTC), zone=self.layers.zone)
        except ValueError as error:
            raise ConfigError(str(error)) from None


@asynccontextmanager
async def open_archive(
    settings: Settings,
    owner: str = "",
    *,
    counting: Callable[[int], Callable[[], None]] | None = lambda _: lambda: None,
) -> AsyncIterator[NotebookArchive]:
    """Open the owner's archive, by default the configured owner's, or the demonstration if that has no turn.

    `counting` is called with the number of the demonstration's turns, and what it returns is called after
    each turn; None opens no demonstration.

    Raises:
        ConfigError, MemoryTierError: the archive cannot be read, or is empty without a demonstration, which
            an owner who is named never gets: the name may be misspelt.
    """
    named, owner = bool(owner), owner or settings.owner
    recorded, imported = await _count_turns(settings, owner)
    if recorded or imported:
        async with open_layers(settings) as layers:
            yield NotebookArchive(layers=layers, owner=owner, turns=recorded, imported=imported)
        return
    if counting is None or named:
        raise ConfigError(
            f"No turn of {owner!r} is recorded or imported in {settings.data_folder}. Chat with the agent, "
            "or import conversations with `goat import`; `goat stats` names the owners."
        )
    said, told = story()
    async with temporary_agent(settings, OWNER) as agent:
        await play_days(agent, said, told, counting(len(said)))
        gold = {one.turn_id: one.gold for one in said}
        yield NotebookArchive(
            layers=agent.layers, owner=OWNER, turns=len(said), demonstration=agent, gold=gold
        )


async def _count_turns(settings: Settings, owner: str) -> tuple[int, int]:
    """Count the owner's recorded and imported turns, without creating a folder."""
    served = settings.archive_url.get_secret_value()
    if not served and not (settings.data_folder / "owners").is_dir():
        return 0, 0
    async with open_layers(settings) as layers:
        imported = await layers.episodes.imported(owner=owner)
        return await layers.observations.count(owner=owner), len(imported)
