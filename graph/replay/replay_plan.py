"""The plan of a replay: the turns to replay, and why others cannot be."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import ValidationError

from graph.replay.decided_turn import context_of
from graph.replay.recorded_turns import archive_order
from memory.models import Episode
from memory.observation.observation import Observation
from nodes.archive import UNUSED_TURNS


class Obstacle(StrEnum):
    """A reason why a turn cannot be replayed."""

    GONE = "no longer in the archive"
    MODEL = "recalled with another embedding model"
    EARLIER = "recorded by an earlier version"
    DAMAGED = "damaged: the record cannot be read"
    CONVERSATION = "the conversation before it is no longer kept"
    INDEXING = "recalled while the vectors of an earlier turn were being written"
    IMPORTED = "imported, and not asked again yet (goat replay --imported)"


@dataclass(slots=True)
class ReplayPlan:
    """The turns to replay, with their episodes."""

    replayed: list[Observation] = field(default_factory=list)
    """In archive order."""
    before: list[Observation] = field(default_factory=list)
    """The other readable turns, in archive order."""
    episodes: dict[str, Episode] = field(default_factory=dict)
    shown: dict[str, Sequence[str]] = field(default_factory=dict)
    """Memories shown in every turn, by turn id; also of turns that cannot be replayed."""
    left_out: Counter[Obstacle] = field(default_factory=Counter)
    outside: int = 0
    """Turns outside the time range, including imported messages that were not asked again."""

    @property
    def wanted(self) -> set[str]:
        """Return the ids of the turns to replay."""
        return {observation.turn_id for observation in self.replayed}

    def in_order(self) -> list[Observation]:
        """Return the turns up to the last one to replay, in archive order."""
        ordered, wanted = archive_order([*self.before, *self.replayed]), self.wanted
        while ordered and ordered[-1].turn_id not in wanted:
            ordered.pop()
        return ordered


def find_obstacle(observation: Observation, episodes: dict[str, Episode], model: str) -> Obstacle | None:
    """Return why a turn cannot be replayed; None when it can."""
    if observation.turn_id not in episodes:
        return Obstacle.GONE
    if observation.facts is None or (observation.seen is None and observation.candidates):
        return Obstacle.EARLIER
    if observation.seen is not None and observation.seen.gaps:
        return Obstacle.INDEXING
    try:
        context_of(observation)
    except ValidationError:  # a threshold's value was valid then
        return Obstacle.EARLIER
    return Obstacle.MODEL if observation.model_of_vectors not in {"", model} else None


def preceding_turns(ordered: Iterable[Observation], wanted: set[str]) -> set[str]:
    """Return the latest turns before the wanted ones in their threads, which decide what is unused."""
    latest: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=UNUSED_TURNS))
    found: set[str] = set()
    for observation in ordered:
        if observation.turn_id in wanted:
            found.update(latest[observation.thread])
        latest[observation.thread].append(observation.turn_id)
    return found
