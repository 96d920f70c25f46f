"""The archive that a notebook works on: the user's own, or the demonstration."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.lab.labelling.demonstration import OWNER, gold_of, story, talk
from bot.lab.notebook.temporary_agent import temporary_agent
from graph.layers import Layers, open_layers
from graph.runtime.agent import Agent
from graph.settings.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An archive with recorded turns."""

    layers: Layers
    owner: str
    turns: int
    """That are recorded."""
    demonstration: Agent | None = None
    """The agent behind the demonstration; None on the user's own archive."""
    gold: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of the demonstration: what answers each message, by turn id."""

    def __str__(self) -> str:
        """Say whose it is."""
        if self.demonstration is None:
            return f"Your own archive: {self.turns} recorded turns of {self.owner!r}."
        return (
            f"A DEMONSTRATION, since no turn of yours is recorded here: {self.turns} turns of a made-up "
            "group chat, in a temporary folder. Nothing of what follows is about you."
        )


def _silently(_: int) -> Callable[[], None]:
    return lambda: None


@asynccontextmanager
async def open_archive(
    settings: Settings, owner: str = "", *, counting: Callable[[int], Callable[[], None]] = _silently
) -> AsyncIterator[Opened]:
    """Open the owner's archive, the configured owner's by default; the demonstration when it records nothing.

    Of the user's archive nothing is written here. `counting` is told how many turns the demonstration has,
    and what it returns is called after each.

    Raises:
        ConfigError, MemoryTierError: the archive cannot be read.
    """
    owner = owner or settings.owner
    if recorded := await _recorded(settings, owner):
        async with open_layers(settings) as layers:
            yield Opened(layers=layers, owner=owner, turns=recorded)
        return
    said, told = story()
    async with temporary_agent(settings, OWNER) as agent:
        await talk(agent, said, told, counting(len(said)))
        yield Opened(
            layers=agent.layers, owner=OWNER, turns=len(said), demonstration=agent, gold=gold_of(said)
        )


async def _recorded(settings: Settings, owner: str) -> int:
    """Count the owner's recorded turns, and make no folder where there is none."""
    if not (settings.data_folder / "owners").is_dir():
        return 0
    async with open_layers(settings) as layers:
        return await layers.observations.count(owner=owner)
