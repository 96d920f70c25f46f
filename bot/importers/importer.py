"""Import of episodes into an archive."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from bot.importers.jsonl_format import FileEpisode
from bot.importers.source import stable_id
from memory.episodic.episode_archive import EpisodeArchive
from memory.models import Episode
from memory.provenance import Speaker

READ_AT_ONCE = 256
STORED_AT_ONCE = 64


class Stage(StrEnum):
    READING = "reading"
    STORING = "storing"
    EMBEDDING = "embedding"
    ANSWERS = "long answers"


OnProgress = Callable[[int, int | None, Stage], None]


@dataclass(frozen=True, slots=True)
class ImportResult:
    total: int
    new: int

    def __str__(self) -> str:
        return (
            f"imported {self.new:,} new turns of {self.total:,}; {self.total - self.new:,} were there already"
        )


async def import_episodes(
    store: EpisodeArchive, episodes: Iterable[Episode], *, owner: str, on_progress: OnProgress
) -> ImportResult:
    """Store the owner's episodes and embed them; see `store_episodes` and `embed_episodes`."""
    imported = await store_episodes(store, episodes, on_progress=on_progress)
    await embed_episodes(store, owner=owner, imported=imported.total, on_progress=on_progress)
    return imported


async def store_episodes(
    store: EpisodeArchive, episodes: Iterable[Episode], *, on_progress: OnProgress
) -> ImportResult:
    """Read all episodes, then commit them; from then on a search finds them by words.

    Episodes already in the archive, also under the file's own id, are skipped. Nothing is stored when reading
    fails.
    Episodes imported as a third party's become the owner's if they now are.

    Args:
        store: the archive.
        episodes: iterated on a thread.
        on_progress: called with the number done, the total (None if unknown) and the stage.
    """
    read = await _read(iter(episodes), on_progress)
    on_progress(len(read), len(read), Stage.READING)
    new = 0
    for start in range(0, len(read), STORED_AT_ONCE):
        on_progress(start, len(read), Stage.STORING)
        new += await _append(store, await _missing(store, read[start : start + STORED_AT_ONCE]))
    on_progress(len(read), len(read), Stage.STORING)
    return ImportResult(total=len(read), new=new)


async def embed_episodes(
    store: EpisodeArchive, *, owner: str, imported: int, on_progress: OnProgress
) -> None:
    """Embed the owner's pending episodes: messages first, then long answers.

    After an interruption, the next call or the next running agent continues.
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


async def _missing(store: EpisodeArchive, batch: list[Episode]) -> list[Episode]:
    """Filter out episodes stored under the file's own id, by an export or an import of an earlier version."""
    given = [episode.given_id for episode in batch if isinstance(episode, FileEpisode) and episode.given_id]
    found = await store.get(given, owner=batch[0].owner) if given else []
    stored = {episode.turn_id: episode for episode in found}
    return [episode for episode in batch if not _is_stored(episode, stored)]


def _is_stored(episode: Episode, stored: Mapping[str, Episode]) -> bool:
    one = stored.get(episode.given_id) if isinstance(episode, FileEpisode) else None
    return one is not None and (one.message, one.reply, one.at) == (
        episode.message,
        episode.reply,
        episode.at,
    )


async def _resolve_conflicts(store: EpisodeArchive, batch: list[Episode]) -> list[Episode]:
    """Give new ids to episodes whose id another file used for other texts."""
    held = await store.get([episode.turn_id for episode in batch], owner=batch[0].owner)
    words = {episode.turn_id: (episode.message, episode.reply) for episode in held}
    return [
        replace(one, turn_id=stable_id("turn", one.owner, one.turn_id, one.message, one.reply))
        if words.get(one.turn_id, (one.message, one.reply)) != (one.message, one.reply)
        else one
        for one in batch
    ]


async def _append(store: EpisodeArchive, batch: list[Episode]) -> int:
    if not batch:
        return 0
    batch = await _resolve_conflicts(store, batch)
    new = await store.append_many(batch)
    if own := [episode.turn_id for episode in batch if episode.speaker is Speaker.OWNER]:
        await store.make_own(own, owner=batch[0].owner)
    return new
