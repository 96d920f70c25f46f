"""Experiments: runs that write nothing, for trying other settings."""

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
"""Time limit for the archive lookup before a turn's first nodes."""


@dataclass(frozen=True, slots=True)
class ExperimentCheck:
    """Decide whether a run is an experiment: the context says so, or the turn is already archived.

    A turn that was never archived is not a fork: the first run to finish it archives it.
    """

    episodes: EpisodeStore | None = None
    """None: only the context makes a run an experiment."""

    async def __call__(self, turn: Turn, runtime: Runtime[TurnContext]) -> bool:
        """Return True when the run of `turn` is an experiment.

        Raises:
            MemoryTierError: the archive cannot be read.
        """
        if runtime.context.experiment is not Experiment.FORKS or turn.experiment:
            return turn.experiment or runtime.context.experiment is Experiment.ON
        return await self.archived(turn, runtime) is not None

    async def archived(self, turn: Turn, runtime: Runtime[TurnContext]) -> Episode | None:
        """Return the turn's episode; None when it is not archived or the context allows no forks."""
        if runtime.context.experiment is Experiment.OFF or turn.private or self.episodes is None:
            return None
        found = await self.episodes.get([turn.turn_id], owner=turn.owner)
        return found[0] if found else None

    async def at_start(self, turn: Turn, runtime: Runtime[TurnContext]) -> tuple[bool, Episode | None]:
        """Return whether the turn is an experiment, and its episode; a slow archive counts as empty."""
        try:
            episode = await within(self.archived(turn, runtime), SECONDS)
        except (TimeoutError, MemoryTierError):
            episode = None
        return episode is not None or runtime.context.experiment is Experiment.ON, episode


def matches_archive(state: State, episode: Episode) -> bool:
    """Return True when `state` holds the turn's reply as it was archived."""
    answer = reply_id(episode.turn_id)
    reply = state.get("reply")
    if reply is None or all(message.id != answer for message in state["messages"]):
        return False
    return reply.own_words == episode.reply
