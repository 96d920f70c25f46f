"""Which turns are replayed, and why others cannot be."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import ValidationError

from graph.replay.decided_turn import context_of
from graph.replay.recorded_turns import in_order
from memory.models import Episode
from memory.observation.observation import Observation
from nodes.archive import UNUSED_TURNS


class Why(StrEnum):
    """Why a turn cannot be replayed."""

    GONE = "no longer in the archive"
    MODEL = "recalled with another embedding model"
    EARLIER = "recorded by an earlier version"
    DAMAGED = "recorded in a way that cannot be read, at whatever time"
    CONVERSATION = "the conversation before it is no longer kept"


@dataclass(slots=True)
class Plan:
    """Which turns are replayed."""

    replayed: list[Observation] = field(default_factory=list)
    """In the order in which they saw the archive."""
    before: list[Observation] = field(default_factory=list)
    """The other turns, in the same order."""
    episodes: dict[str, Episode] = field(default_factory=dict)
    shown: dict[str, list[str]] = field(default_factory=dict)
    """What every turn was shown, also those that cannot be replayed."""
    left_out: Counter[Why] = field(default_factory=Counter)

    @property
    def wanted(self) -> set[str]:
        """Return the ids of the turns that are replayed."""
        return {observation.turn_id for observation in self.replayed}

    def in_order(self) -> list[Observation]:
        """Return the turns up to the last that is replayed, in the order in which they saw the archive."""
        ordered, wanted = in_order([*self.before, *self.replayed]), self.wanted
        while ordered and ordered[-1].turn_id not in wanted:
            ordered.pop()
        return ordered


def obstacle(observation: Observation, episodes: dict[str, Episode], model: str) -> Why | None:
    """Return what stands in the way of replaying a turn; None when nothing does."""
    if observation.turn_id not in episodes:
        return Why.GONE
    if observation.facts is None or (observation.seen is None and observation.candidates):
        return Why.EARLIER
    try:
        context_of(observation)
    except ValidationError:  # a threshold that was allowed then
        return Why.EARLIER
    return Why.MODEL if observation.model_of_vectors not in {"", model} else None


def leading_up(ordered: Iterable[Observation], wanted: set[str]) -> set[str]:
    """Return the turns before those of each thread that say what was shown in vain before them."""
    latest: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=UNUSED_TURNS))
    found: set[str] = set()
    for observation in ordered:
        if observation.turn_id in wanted:
            found.update(latest[observation.thread])
        latest[observation.thread].append(observation.turn_id)
    return found
