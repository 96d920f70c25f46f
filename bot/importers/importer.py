"""Put episodes from elsewhere into an archive."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import Protocol, runtime_checkable

from bot.importers.file_episodes import FileEpisode
from bot.importers.source import stable_id
from memory.models import Episode
from memory.protocols import EpisodeStore
from memory.provenance import Speaker

READ_AT_ONCE = 256
STORED_AT_ONCE = 64


class Stage(StrEnum):
    """What an import is at."""

    READING = "reading"
    STORING = "storing"
    EMBEDDING = "embedding"
    ANSWERS = "long answers"


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
    async def make_own(self, turn_ids: Sequence[str], *, owner: str) -> None: ...


async def import_episodes(
    store: EpisodeStore, episodes: Iterable[Episode], *, owner: str, on_progress: OnProgress
) -> Imported:
    """Store the owner's episodes and embed them; see `store_episodes` and `embed_episodes`."""
    imported = await store_episodes(store, episodes, on_progress=on_progress)
    await embed_episodes(store, owner=owner, imported=imported.total, on_progress=on_progress)
    return imported


async def store_episodes(
    store: EpisodeStore, episodes: Iterable[Episode], *, on_progress: OnProgress
) -> Imported:
    """Read all episodes, then commit them: from then on they are found by their words.

    What is in the archive already is skipped, also under the id that the file has for it. Nothing is stored
    when reading fails. What was imported as a third party's and is now the owner's becomes theirs.

    Args:
        store: the archive.
        episodes: read in another thread.
        on_progress: told how many are done, of how many (None while that is unknown), at which stage.
    """
    read = await _read(iter(episodes), on_progress)
    on_progress(len(read), len(read), Stage.READING)
    new = 0
    for start in range(0, len(read), STORED_AT_ONCE):
        on_progress(start, len(read), Stage.STORING)
        new += await _append(store, await _missing(store, read[start : start + STORED_AT_ONCE]))
    on_progress(len(read), len(read), Stage.STORING)
    return Imported(total=len(read), new=new)


async def embed_episodes(store: EpisodeStore, *, owner: str, imported: int, on_progress: OnProgress) -> None:
    """Embed the pending episodes of the owner: first what was said, then the answers that were long.

    When it is broken off, the next call continues, or the next agent that runs.
    """
    on_progress(0, None, Stage.EMBEDDING)
    total, said = imported, None
    async with aclosing(store.indexing(owner=owner)) as indexing:
        async for progress in indexing:
            total = max(imported, progress.total)
            if said is not None:
                on_progress(progress.done - said, progress.total - said, Stage.ANSWERS)
            else:
                on_progress(total - progress.total + progress.begun, total, Stage.EMBEDDING)
                said = progress.done if progress.begun >= progress.total else None
    on_progress(total, total, Stage.EMBEDDING)


async def _read(episodes: Iterator[Episode], on_progress: OnProgress) -> list[Episode]:
    read: list[Episode] = []
    while some := await asyncio.to_thread(lambda: list(islice(episodes, READ_AT_ONCE))):
        read += some
        on_progress(len(read), None, Stage.READING)
    return read


async def _missing(store: EpisodeStore, batch: list[Episode]) -> list[Episode]:
    """Leave out what stands under the file's own id: it was exported from here, or imported by that id."""
    given = [episode.given_id for episode in batch if isinstance(episode, FileEpisode) and episode.given_id]
    found = await store.get(given, owner=batch[0].owner) if given else []
    stands = {episode.turn_id: episode for episode in found}
    return [episode for episode in batch if not _stands(episode, stands)]


def _stands(episode: Episode, stands: Mapping[str, Episode]) -> bool:
    if not isinstance(episode, FileEpisode) or episode.given_id not in stands:
        return False
    return episode.is_same(stands[episode.given_id])


async def _apart(store: EpisodeStore, batch: list[Episode]) -> list[Episode]:
    """Give an episode an id of its own where another file took its id for other words."""
    held = await store.get([episode.turn_id for episode in batch], owner=batch[0].owner)
    words = {episode.turn_id: (episode.message, episode.reply) for episode in held}
    return [
        replace(one, turn_id=stable_id("turn", one.owner, one.turn_id, one.message, one.reply))
        if words.get(one.turn_id, (one.message, one.reply)) != (one.message, one.reply)
        else one
        for one in batch
    ]


async def _append(store: EpisodeStore, batch: list[Episode]) -> int:
    if not batch:
        return 0
    if isinstance(store, _BulkStore):
        batch = await _apart(store, batch)
        new = await store.append_many(batch)
        if own := [episode.turn_id for episode in batch if episode.speaker is Speaker.OWNER]:
            await store.make_own(own, owner=batch[0].owner)
        return new
    return sum([await store.append(episode) for episode in batch])
