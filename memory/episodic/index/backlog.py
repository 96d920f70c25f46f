"""Slices of pending episodes that are embedded, written and committed together."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import chain

from memory.concurrency.tasks import retrieve_outcome
from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic.index.ledger import VectorLedger
from memory.episodic.log.episode_log import EpisodeLog
from memory.episodic.vectors.kept_vectors import MESSAGE, KeptPart, Slot, to_half_precision
from memory.episodic.vectors.noise_floor import NullTurns
from memory.episodic.vectors.vector_backend import Chunk
from memory.models import Episode

BATCH = 48  # episodes per read
SLICE = 32  # parts
SIZE = 8_000  # characters; half a second of embedding with `SLICE`, so that progress updates every second
LONGEST_BEGINNING = 12_000  # characters of a message; a longer one (a pasted file) waits with the replies

LONGEST_MESSAGE = 1500  # characters of a message that gets a separate vector

Split = Callable[[str], list[tuple[int, int]]]
Pair = tuple[Chunk, str]
AHEAD = 1
"""Slices embedded ahead of the one being written, so that no embedding thread idles."""

Embedded = list[tuple[Chunk, KeptPart]]


@dataclass(slots=True)
class Slice:
    """Parts of a few episodes, or of one long episode."""

    pairs: list[Pair] = field(default_factory=list)
    """Parts with their texts."""
    finished: dict[str, int] = field(default_factory=dict)
    """Number of windows of each episode whose last part is in this slice."""
    begun: int = 0
    """Number of episodes whose first part is in this slice."""


class Backlog:
    """Pending episodes of an owner, cut into slices in the order of arrival.

    Of an episode longer than one window, the message goes first with the others. The rest follows after all
    messages, shorter episodes first, so that long answers do not delay messages.
    """

    def __init__(self, log: EpisodeLog, split: Split, owner: str, slot: Slot) -> None:
        self.slot = slot
        self._log = log
        self._split = split
        self._owner = owner
        self._after = 0
        self._ready: deque[Slice] = deque()
        self._long: list[tuple[int, str, int]] = []  # heap of (characters, turn id, windows already cut)
        self._rest: deque[Slice] = deque()

    async def next(self) -> Slice | None:
        """Return the next slice; None when no episode is pending."""
        while not self._ready:
            batch = await self._log.pending(owner=self._owner, limit=BATCH, after=self._after, slot=self.slot)
            if not batch:
                return await self._next_of_rest()
            self._after = batch[-1][0]
            episodes = [episode for _, episode in batch]
            # The slices are cut as `list` takes them, on its thread.
            self._ready.extend(await asyncio.to_thread(list, _join(map(self._first_slice, episodes))))
        return self._ready.popleft()

    async def _next_of_rest(self) -> Slice | None:
        while not self._rest and self._long:
            before = {turn_id: windows for _, turn_id, windows in self._shortest()}
            episodes = await self._log.get(list(before), owner=self._owner)
            self._rest.extend(await asyncio.to_thread(self._remaining_slices, episodes, before))
        return self._rest.popleft() if self._rest else None

    def _shortest(self) -> Iterator[tuple[int, str, int]]:
        """Pop long episodes that fit one slice together, or a single longer one."""
        room = SIZE
        while self._long and (self._long[0][0] <= room or room == SIZE):
            taken = heappop(self._long)
            room -= taken[0]
            yield taken

    def _first_slice(self, episode: Episode) -> Slice:
        """Cut the first parts of an episode: all of a short one, the message of a long one."""
        message = list[Pair]()
        if episode.reply and 0 < len(episode.said) <= LONGEST_MESSAGE:
            message = [(Chunk(episode.turn_id, MESSAGE, 0, len(episode.said)), episode.said)]
        windows = self._windows(episode) if len(episode.said) <= LONGEST_BEGINNING else []
        own = [] if message else [pair for pair in windows if pair[0].start < len(episode.said)]
        if len(windows) == max(len(own), 1):
            return Slice([*message, *windows], {episode.turn_id: len(windows)}, 1)
        heappush(self._long, (len(episode.said) + len(episode.reply), episode.turn_id, len(own)))
        return Slice(message or own, {}, 1)

    def _remaining_slices(self, episodes: Iterable[Episode], before: dict[str, int]) -> list[Slice]:
        ends = (self._remaining(episode, before[episode.turn_id]) for episode in episodes)
        return list(_join(chain.from_iterable(ends)))

    def _remaining(self, episode: Episode, before: int) -> list[Slice]:
        """Cut the windows of an episode that were not cut before, one per slice."""
        windows = self._windows(episode)
        slices = [Slice([window]) for window in windows[before:]]
        slices[-1].finished[episode.turn_id] = len(windows)
        return slices

    def _windows(self, episode: Episode) -> list[Pair]:
        text = episode.text
        return [
            (Chunk(episode.turn_id, number, start, end), text[start:end])
            for number, (start, end) in enumerate(self._split(text), start=MESSAGE + 1)
        ]


def _join(slices: Iterable[Slice]) -> Iterator[Slice]:
    """Join small slices up to the size limits."""
    gathering, size = Slice(), 0
    for some in slices:
        characters = sum(len(text) for _, text in some.pairs)
        full = len(gathering.pairs) + len(some.pairs) > SLICE or size + characters > SIZE
        if gathering.pairs and full:
            yield gathering
            gathering, size = Slice(), 0
        size += characters
        gathering.pairs += some.pairs
        gathering.finished |= some.finished
        gathering.begun += some.begun
    if gathering.pairs or gathering.begun:
        yield gathering


class Embedder:
    """Embeds the parts of an owner's backlog that have no stored vector."""

    def __init__(self, ledger: VectorLedger, embeddings: EmbeddingModel, nulls: NullTurns) -> None:
        self._ledger = ledger
        self._embeddings = embeddings
        self._nulls = nulls

    async def slices(self, owner: str, backlog: Backlog) -> AsyncGenerator[tuple[Slice, Embedded], None]:
        """Yield every slice with its parts' vectors, in order."""
        begun = deque[tuple[Slice, asyncio.Task[Embedded]]]()
        try:
            while True:
                while len(begun) <= AHEAD and (some := await backlog.next()) is not None:
                    begun.append((some, asyncio.create_task(self._embedded(owner, backlog.slot, some))))
                if not begun:
                    return
                embedded = await begun[0][1]
                yield begun.popleft()[0], embedded
        finally:
            for _, task in begun:
                task.cancel()
                task.add_done_callback(retrieve_outcome)

    async def _embedded(self, owner: str, slot: Slot, some: Slice) -> Embedded:
        kept = await self._ledger.stored_parts(owner, slot, {part.turn_id for part, _ in some.pairs})
        missing = [(part, text) for part, text in some.pairs if not _is_kept(part, kept)]
        texts = [text for _, text in missing]
        vectors = await self._embeddings.aembed_documents(texts) if texts else []
        likeness = await self._nulls.small_talk(vectors)
        for (part, _), vector, like in zip(missing, vectors, likeness, strict=True):
            made = KeptPart(part.number, part.start, part.end, like, to_half_precision(vector))
            kept[part.turn_id, part.number] = made
        return [(part, kept[part.turn_id, part.number]) for part, _ in some.pairs]


def _is_kept(part: Chunk, kept: Mapping[tuple[str, int], KeptPart]) -> bool:
    found = kept.get((part.turn_id, part.number))
    return found is not None and (found.first, found.last) == (part.start, part.end)
