"""Past turns as they were recorded, with what each was given."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from graph.layers import Layers
from graph.state import Conversation
from memory.models import ConversationTurn, Episode, Fact
from memory.observation import Observation

EVERYTHING = 10**12
"""More tokens than any conversation has."""
PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTurn:
    """A turn that was answered, as far as its memory goes."""

    observation: Observation
    episode: Episode
    earlier: Sequence[ConversationTurn]
    """The thread before it, oldest first."""
    said_before: Sequence[str]
    """What its author said in the thread before it, oldest first."""
    facts: Sequence[Fact]

    def conversation(self, max_tokens: int) -> Conversation:
        """Return the latest turns before it that fit, the last one always, and the opening."""
        turns = fitting(self.earlier, max_tokens)
        opening = self.earlier[0] if len(turns) < len(self.earlier) else None
        return Conversation(turns=turns, opening=opening)


def fitting(turns: Sequence[ConversationTurn], max_tokens: int) -> Sequence[ConversationTurn]:
    """Return the latest turns whose tokens together fit, as `ConversationStore.window` does."""
    room = max_tokens
    for place in range(len(turns) - 1, -1, -1):
        if turns[place].tokens > room and place < len(turns) - 1:
            return turns[place + 1 :]
        room -= turns[place].tokens
    return turns


def moment(observation: Observation) -> datetime:
    """Return when the memory was asked."""
    return observation.asked_at or observation.at


def in_order(observations: Iterable[Observation]) -> list[Observation]:
    """Return turns as they saw the archive grow; one that saw nothing of it stands by its time."""
    placed: list[tuple[int, datetime, Observation]] = []
    grown = 0
    for observation in sorted(observations, key=moment):
        grown = max(grown, observation.seen.episodes if observation.seen else 0)
        episodes = observation.seen.episodes if observation.seen else grown
        placed.append((episodes, moment(observation), observation))
    return [observation for _, _, observation in sorted(placed, key=lambda place: place[:2])]


class Recorder:
    """What is recorded of an owner's turns."""

    def __init__(self, layers: Layers, owner: str) -> None:
        self._layers = layers
        self.owner = owner
        self._observed: set[str] = set()
        self._threads: dict[str, Sequence[ConversationTurn]] = {}
        self._facts_written: Sequence[datetime] | None = None
        self._facts: dict[int, Sequence[Fact]] = {}

    async def observations(self) -> list[Observation]:
        """Read what was observed of all turns, in the order in which they saw the archive."""
        found = in_order(await self._layers.observations.all(owner=self.owner))
        self._observed = {observation.turn_id for observation in found}
        return found

    async def episodes(self, observations: Sequence[Observation]) -> dict[str, Episode]:
        """Read the episodes of turns, by turn id; those that are not in the log are left out."""
        found: dict[str, Episode] = {}
        ids = [observation.turn_id for observation in observations]
        for start in range(0, len(ids), PAGE):
            page = await self._layers.episodes.get(ids[start : start + PAGE], owner=self.owner)
            found |= {episode.turn_id: episode for episode in page}
        return found

    async def turn(self, observation: Observation, episode: Episode) -> RecordedTurn:
        """Put together what a turn was given."""
        earlier = await self._earlier(observation)
        said = [t.message for t in earlier if t.turn_id in self._observed and t.message.strip()]
        facts = () if "permanent" in observation.tiers_down else await self._facts_at(moment(observation))
        return RecordedTurn(
            observation=observation, episode=episode, earlier=earlier, said_before=said, facts=facts
        )

    async def _earlier(self, observation: Observation) -> Sequence[ConversationTurn]:
        thread = observation.thread
        if thread not in self._threads:
            reading = self._layers.conversations.window(
                owner=self.owner, thread=thread, max_tokens=EVERYTHING
            )
            self._threads[thread] = await reading
        turns = self._threads[thread]
        own = (place for place, turn in enumerate(turns) if turn.turn_id == observation.turn_id)
        return turns[: next(own, 0)]

    async def _facts_at(self, at: datetime) -> Sequence[Fact]:
        """Read the facts of a time; the store is asked once for each time in which they were the same."""
        if self._facts_written is None:
            records = await self._layers.configured_permanent().records(owner=self.owner)
            self._facts_written = sorted(record.at for record in records.facts)
        written = bisect_right(self._facts_written, at)
        if written not in self._facts:
            facts = await self._layers.permanent.facts(owner=self.owner, as_of=at) if written else []
            self._facts[written] = facts
        return self._facts[written]
