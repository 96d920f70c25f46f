"""Put episodes from elsewhere into an archive."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Protocol, runtime_checkable

from memory.models import Episode
from memory.protocols import EpisodeStore

READ_AT_ONCE = 256
STORED_AT_ONCE = 64


class Stage(StrEnum):
    """What an import is at."""

    READING = "reading"
    EMBEDDING = "embedding"


OnProgress = Callable[[int, int | None, Stage], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to."""

    total: int
    new: int

    def __str__(self) -> str:
        """Tell it in a line."""
        return (
            f"imported {self.new:,} new turns of {self.total:,}; {self.total - self.new:,} were there already"
        )


@runtime_checkable
class _BulkStore(Protocol):
    async def append_many(self, episodes: Iterable[Episode]) -> int: ...


async def import_episodes(
    store: EpisodeStore, episodes: Iterable[Episode], *, on_progress: OnProgress
) -> Imported:
    """Read all episodes, then commit and embed them; those whose turn id stands already are left alone.

    Nothing is stored when reading fails. An import that breaks off goes on where it was when done again.

    Args:
        store: the archive.
        episodes: read in another thread.
        on_progress: told how many are done, of how many (None while that is unknown), at which stage.
    """
    read = await _read(iter(episodes), on_progress)
    on_progress(len(read), len(read), Stage.READING)
    new = done = 0
    on_progress(done, len(read), Stage.EMBEDDING)
    for start in range(0, len(read), STORED_AT_ONCE):
        batch = read[start : start + STORED_AT_ONCE]
        new += await _append(store, batch)
        for owner in sorted({episode.owner for episode in batch}):
            await store.index(owner=owner)
        done += len(batch)
        on_progress(done, len(read), Stage.EMBEDDING)
    return Imported(total=len(read), new=new)


async def _read(episodes: Iterator[Episode], on_progress: OnProgress) -> list[Episode]:
    read: list[Episode] = []
    while some := await asyncio.to_thread(lambda: list(islice(episodes, READ_AT_ONCE))):
        read += some
        on_progress(len(read), None, Stage.READING)
    return read


async def _append(store: EpisodeStore, batch: list[Episode]) -> int:
    if isinstance(store, _BulkStore):
        return await store.append_many(batch)
    return sum([await store.append(episode) for episode in batch])
