"""Past turns as recorded, with the input that each had."""

import asyncio
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from graph.layers import Layers
from graph.state.turn_state import Conversation
from memory.models import ConversationTurn, Episode, Fact
from memory.observation.observation import Observation, mark_of_fact
from nodes.turn_writer import to_conversation_turn

NO_LIMIT = 10**12
"""Tokens; more than any conversation has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTurn:
    """An answered turn with the input of its memory decisions."""

    observation: Observation
    episode: Episode
    earlier: Sequence[ConversationTurn]
    """The thread before it, oldest first."""
    opening: ConversationTurn | None
    """The thread's first turn."""
    said_before: Sequence[str]
    """The author's earlier messages in the thread, oldest first."""
    facts: Sequence[Fact]
    zone: tzinfo
    """The author's time zone at the time."""

    def conversation(self, max_tokens: int) -> Conversation:
        """Return the latest earlier turns that fit, at least the last one, and the thread's opening."""
        turns = latest_within(self.earlier, max_tokens)
        opening = self.opening
        if opening is None or opening.turn_id in {turn.turn_id for turn in turns}:
            return Conversation(turns=turns)
        return Conversation(turns=turns, opening=opening)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A thread as stored today."""

    turns: Sequence[ConversationTurn]
    """Oldest first."""
    opening: ConversationTurn | None
    places: Mapping[str, int] = field(repr=False)
    """Indices in `turns`, by turn id."""

    def until(self, turn_id: str) -> Sequence[ConversationTurn] | None:
        """Return the turns up to and including this one; None when it is not stored any more."""
        if not turn_id:
            return ()
        return self.turns[: self.places[turn_id] + 1] if turn_id in self.places else None

    def began(self, observation: Observation) -> ConversationTurn | None:
        """Return the thread's first turn as of a turn's run; None when it is not stored any more."""
        if not observation.opening:
            return self.opening
        if observation.opening in self.places:
            return self.turns[self.places[observation.opening]]
        opening = self.opening
        return opening if opening and opening.turn_id == observation.opening else None

    def holds(self, observation: Observation) -> bool:
        """Return True when the conversation in a turn's prompt is still stored."""
        began = self.began(observation) if observation.opening else True
        return began is not None and self.until(observation.last_turn) is not None


def latest_within(turns: Sequence[ConversationTurn], max_tokens: int) -> Sequence[ConversationTurn]:
    """Return the latest turns whose tokens fit, at least one, as `ConversationStore.window` does."""
    room = max_tokens
    for place in range(len(turns) - 1, -1, -1):
        if turns[place].tokens > room and place < len(turns) - 1:
            return turns[place + 1 :]
        room -= turns[place].tokens
    return turns


def search_time(observation: Observation) -> datetime:
    return observation.asked_at or observation.at


def zone_named(name: str) -> tzinfo | None:
    """Return the time zone of an IANA name; None when this machine does not know it."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def archive_order(observations: Iterable[Observation]) -> list[Observation]:
    """Sort turns by the archive's size at their search, then by time; without a search, by time alone.

    Imported ones follow, by time.
    """
    observations = list(observations)
    asked = [one for one in observations if imported_in(one) is not None]
    recorded = _archive_order(one for one in observations if imported_in(one) is None)
    return [*recorded, *sorted(asked, key=lambda one: (imported_in(one) or 0, one.at, one.turn_id))]


def imported_in(observation: Observation) -> int | None:
    """Return the archive's size when an imported message was asked again; None for other turns."""
    seen = observation.seen
    return None if seen is None or seen.until is None else seen.episodes


def _archive_order(observations: Iterable[Observation]) -> list[Observation]:
    placed: list[tuple[tuple[int, int], datetime, Observation]] = []
    grown = (0, -1)
    for observation in sorted(observations, key=search_time):
        seen = observation.seen
        held = (seen.episodes, seen.vectors) if seen else grown
        grown = max(grown, held)
        placed.append((held, search_time(observation), observation))
    return [observation for _, _, observation in sorted(placed, key=lambda place: place[:2])]


class RecordedTurnReader:
    def __init__(self, layers: Layers, owner: str) -> None:
        self._layers = layers
        self.owner = owner
        self.damaged = 0
        """Number of observations that cannot be read."""
        self._threads: dict[str, Thread] = {}
        self._imports: Mapping[str, Sequence[Episode]] | None = None
        self._facts: Mapping[str, Fact] | None = None
        self._zones: dict[str, tzinfo] = {}

    async def observations(self) -> list[Observation]:
        """Read all observations, in archive order."""
        found, self.damaged = await self._layers.observations.readable(owner=self.owner)
        return archive_order(found)

    async def episodes(self, observations: Sequence[Observation]) -> dict[str, Episode]:
        """Read the turns' episodes, by turn id; those missing from the archive are left out."""
        ids = [observation.turn_id for observation in observations]
        return {found.turn_id: found for found in await self._layers.episodes.get(ids, owner=self.owner)}

    async def imports(self) -> Mapping[str, Sequence[Episode]]:
        """Return the imported episodes of each thread, oldest first; cached after the first read."""
        if self._imports is None:
            threads: defaultdict[str, list[Episode]] = defaultdict(list)
            for episode in await self._layers.episodes.imported(owner=self.owner):
                threads[episode.thread].append(episode)
            self._imports = threads
        return self._imports

    async def thread(self, observation: Observation) -> Thread:
        """Return a turn's thread, cached after the first read; an imported one is in the archive alone."""
        name = observation.thread
        if name not in self._threads:
            is_kept = imported_in(observation) is None
            self._threads[name] = await (self._kept_thread(name) if is_kept else self._imported_thread(name))
        return self._threads[name]

    async def _kept_thread(self, name: str) -> Thread:
        conversations, owner = self._layers.conversations, self.owner
        turns = await conversations.window(owner=owner, thread=name, max_tokens=NO_LIMIT)
        return _to_thread(turns, await conversations.opening(owner=owner, thread=name))

    async def _imported_thread(self, name: str) -> Thread:
        count, episodes = await self._layers.tokens.ready(), (await self.imports()).get(name, ())
        turns = await asyncio.to_thread(lambda: [to_conversation_turn(one, count) for one in episodes])
        return _to_thread(turns, turns[0] if turns else None)

    async def turn(
        self, observation: Observation, episode: Episode, observed: Container[str]
    ) -> RecordedTurn | None:
        """Reconstruct a turn's input; None when its conversation is not stored any more.

        Args:
            observation: the turn's record.
            episode: the turn's text.
            observed: ids of all observed turns.
        """
        thread = await self.thread(observation)
        earlier = thread.until(observation.last_turn)
        if earlier is None or not thread.holds(observation):
            return None
        earlier = [turn for turn in earlier if turn.turn_id != observation.turn_id]
        return RecordedTurn(
            observation=observation,
            episode=episode,
            earlier=earlier,
            opening=thread.began(observation) if earlier else None,
            said_before=[t.said for t in earlier if t.turn_id in observed and t.said.strip()],
            facts=await self._facts_given(observation.facts or ()),
            zone=await self._zone(observation.zone),
        )

    async def _zone(self, name: str) -> tzinfo:
        """Return a time zone by name; the current one when the name is empty or unknown."""
        if name not in self._zones:
            noted = await asyncio.to_thread(zone_named, name)
            self._zones[name] = noted or self._layers.zone
        return self._zones[name]

    async def _facts_given(self, marks: Sequence[str]) -> Sequence[Fact]:
        """Return facts by their marks; erased ones are left out."""
        if not marks:
            return ()
        if self._facts is None:
            records = await self._layers.permanent.records(owner=self.owner)
            self._facts = {
                mark_of_fact(record.key, record.value, record.at): Fact(
                    key=record.key, value=record.value, at=record.at
                )
                for record in records.facts
                if record.value is not None
            }
        return [self._facts[mark] for mark in marks if mark in self._facts]


def _to_thread(turns: Sequence[ConversationTurn], opening: ConversationTurn | None) -> Thread:
    places = {turn.turn_id: place for place, turn in enumerate(turns)}
    return Thread(turns=turns, opening=opening, places=places)
