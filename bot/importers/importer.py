"""Import of episodes into an archive."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
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
        new += await _append(store, read[start : start + STORED_AT_ONCE], read[0].owner)
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


async def _append(store: EpisodeArchive, batch: Sequence[Episode], owner: str) -> int:
    """Append what is not stored yet; return the number.

    An export, or an import of an earlier version, stored an episode under the file's own id.
    """
    ids = [name for one in batch for name in (one.turn_id, _given_id(one)) if name]
    held = {episode.turn_id: episode for episode in await store.get(ids, owner=owner)}
    missing = [one for one in batch if not _is_same(one, held.get(_given_id(one)))]
    missing = [_with_free_id(one, held.get(one.turn_id)) for one in missing]
    new = await store.append_many(missing)
    if own := [episode.turn_id for episode in missing if episode.speaker is Speaker.OWNER]:
        await store.make_own(own, owner=owner)
    return new


def _given_id(episode: Episode) -> str:
    return episode.given_id if isinstance(episode, FileEpisode) else ""


def _is_same(episode: Episode, held: Episode | None) -> bool:
    return held is not None and _texts(held) == _texts(episode) and held.at == episode.at


def _with_free_id(episode: Episode, held: Episode | None) -> Episode:
    """Return the episode, with another id if another file used its id for other texts."""
    if held is None or _texts(held) == _texts(episode):
        return episode
    return replace(episode, turn_id=stable_id("turn", episode.owner, episode.turn_id, *_texts(episode)))


def _texts(episode: Episode) -> tuple[str, str]:
    return episode.message, episode.reply
