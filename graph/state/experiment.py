"""Runs of which nothing is written: to see what another setting would have done."""

from dataclasses import dataclass

from langgraph.runtime import Runtime

from graph.settings.context import Experiment, TurnContext
from graph.state.circumstances import reply_id
from graph.state.turn_state import State, Turn
from memory.concurrency.deadline import within
from memory.errors import MemoryTierError
from memory.models import Episode
from memory.protocols import EpisodeStore

SECONDS = 0.5
"""For so long the first nodes of a turn wait to hear whether it is archived."""


@dataclass(frozen=True, slots=True)
class Experiments:
    """Say whether a run is an experiment: it was asked for, or its turn stands in the archive already.

    A turn that was never archived is nobody's past: whatever run brings it to its end archives it, once.
    """

    episodes: EpisodeStore | None = None
    """Without one, only what is asked for is an experiment."""

    async def __call__(self, turn: Turn, runtime: Runtime[TurnContext]) -> bool:
        """Say so of the run of a turn.

        Raises:
            MemoryTierError: the archive cannot be read.
        """
        if runtime.context.experiment is not Experiment.FORKS or turn.experiment:
            return turn.experiment or runtime.context.experiment is Experiment.ON
        return await self.archived(turn, runtime) is not None

    async def archived(self, turn: Turn, runtime: Runtime[TurnContext]) -> Episode | None:
        """Return the turn as it is archived; None when it is not, and where no run goes back to a turn."""
        if runtime.context.experiment is Experiment.OFF or turn.private or self.episodes is None:
            return None
        found = await self.episodes.get([turn.turn_id], owner=turn.owner)
        return found[0] if found else None

    async def beginning(self, turn: Turn, runtime: Runtime[TurnContext]) -> tuple[bool, Episode | None]:
        """Say for the first nodes of a turn whether it is an experiment, and return it as it is archived.

        An archive that cannot be read in time holds nothing up.
        """
        try:
            stands = await within(self.archived(turn, runtime), SECONDS)
        except (TimeoutError, MemoryTierError):
            stands = None
        return stands is not None or runtime.context.experiment is Experiment.ON, stands


def says_the_same(state: State, episode: Episode) -> bool:
    """Say whether the turn that `state` is about was answered there with what is archived of it."""
    answer = reply_id(episode.turn_id)
    reply = state.get("reply")
    if reply is None or all(message.id != answer for message in state["messages"]):
        return False
    return reply.own_words == episode.reply
