"""What waits for its vectors, in slices that are embedded, written and marked together."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from memory.episodic.kept_vectors import MESSAGE
from memory.episodic.log import EpisodeLog
from memory.episodic.vectors import Part
from memory.models import Episode

BATCH = 32  # episodes read at once
SLICE = 64  # parts; bounds the memory that one very long turn takes
LONG = 20_000  # characters; an episode beyond them waits until no other does

LONGEST_MESSAGE = 1500  # characters of a message that has a vector of its own beside the turn's

Split = Callable[[str], list[tuple[int, int]]]
Pair = tuple[Part, str]


@dataclass(slots=True)
class Slice:
    """Parts of a few episodes, or of one long one."""

    pairs: list[Pair] = field(default_factory=list)
    """Parts with their texts."""
    finished: dict[str, int] = field(default_factory=dict)
    """How many parts are searched of each episode whose last part is among these."""


class Backlog:
    """Hand out what the log has pending, in the order of arrival but long episodes after all others.

    What was handed out must be marked before the next slice is asked for.
    """

    def __init__(self, log: EpisodeLog, split: Split, owner: str) -> None:
        self._log = log
        self._split = split
        self._owner = owner
        self._short: deque[Slice] = deque()
        self._long: list[str] = []
        self._rest: deque[Slice] = deque()

    async def next(self) -> Slice | None:
        """Cut the next slice; None when nothing waits."""
        while not self._short:
            batch = await self._log.pending(owner=self._owner, limit=BATCH, besides=self._long)
            if not batch:
                return await self._next_of_long()
            self._long += [episode.turn_id for episode in batch if _is_long(episode)]
            short = [episode for episode in batch if not _is_long(episode)]
            self._short.extend(await asyncio.to_thread(self._together, short))
        return self._short.popleft()

    def begin_again(self) -> None:
        """Forget what was handed out of a long episode: it is to be written elsewhere."""
        self._short.clear()
        self._long.clear()
        self._rest.clear()

    async def _next_of_long(self) -> Slice | None:
        while not self._rest and self._long:
            told = await self._log.get(self._long[:1], owner=self._owner)
            self._rest.extend(await asyncio.to_thread(self._apart, told))
            if not told:
                del self._long[0]
        if not self._rest:
            return None
        following = self._rest.popleft()
        if following.finished:
            del self._long[0]
        return following

    def _together(self, episodes: Iterable[Episode]) -> list[Slice]:
        return list(_gathered(map(self._pairs, episodes)))

    def _apart(self, episodes: Iterable[Episode]) -> list[Slice]:
        slices = []
        for pairs in map(self._pairs, episodes):
            slices += [Slice(pairs[start : start + SLICE]) for start in range(0, len(pairs), SLICE)]
            slices[-1].finished[pairs[0][0].turn_id] = searched(pairs)
        return slices

    def _pairs(self, episode: Episode) -> list[Pair]:
        text = episode.text
        spans = list(enumerate(self._split(text), start=MESSAGE + 1))
        if episode.reply and 0 < len(episode.message) <= LONGEST_MESSAGE:
            spans.insert(0, (MESSAGE, (0, len(episode.message))))
        return [
            (Part(episode.turn_id, number, start, end), text[start:end]) for number, (start, end) in spans
        ]


def searched(pairs: Iterable[Pair]) -> int:
    """Count the parts that the vector index holds: all but the message by itself."""
    return sum(part.number != MESSAGE for part, _ in pairs)


def _is_long(episode: Episode) -> bool:
    return len(episode.message) + len(episode.reply) > LONG


def _gathered(episodes: Iterable[list[Pair]]) -> Iterator[Slice]:
    """Put whole episodes together until a slice is full."""
    gathering = Slice()
    for pairs in episodes:
        if gathering.pairs and len(gathering.pairs) + len(pairs) > SLICE:
            yield gathering
            gathering = Slice()
        gathering.pairs += pairs
        gathering.finished[pairs[0][0].turn_id] = searched(pairs)
    if gathering.pairs:
        yield gathering
