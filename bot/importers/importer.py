"""Import of episodes into an archive."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from bot.importers.import_file import ImportedEpisode
from bot.importers.source import stable_id
from memory.episodic.episode_archive import EpisodeArchive
from memory.models import EDIT_OF, SUPERSEDED, Episode
from memory.provenance import Speaker

READ_AT_ONCE = 256
STORED_AT_ONCE = 64


class Stage(StrEnum):
    READING = "reading"
    STORING = "storing"
    EMBEDDING = "embedding"
    ANSWERS = "long answers"


OnProgress = Callable[[int, int | None, Stage], None]
"""Called with the number done, the total (None if unknown) and the stage."""


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
    """Read all episodes, then read them again and commit them; from then on a search finds them by words.

    Episodes already in the archive, also under the file's own id, are skipped. Nothing is stored when reading
    fails. A third party's episode becomes the owner's if it is now imported as such. A later version of an
    episode supersedes the earlier, which is kept. `episodes` are iterated twice, on a thread, so that a large
    file needs little memory.
    """
    total = 0
    async for some in _batches(episodes, READ_AT_ONCE):
        total += len(some)
        on_progress(total, None, Stage.READING)
    on_progress(total, total, Stage.READING)
    new = done = 0
    async for some in _batches(episodes, STORED_AT_ONCE):
        on_progress(done, total, Stage.STORING)
        new += await _append(store, some, some[0].owner)
        done += len(some)
    on_progress(total, total, Stage.STORING)
    return ImportResult(total=total, new=new)


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


async def _batches(episodes: Iterable[Episode], size: int) -> AsyncIterator[list[Episode]]:
    reading = iter(episodes)
    while some := await asyncio.to_thread(lambda: list(islice(reading, size))):
        yield some


async def _append(store: EpisodeArchive, batch: Sequence[Episode], owner: str) -> int:
    """Append what is not stored yet; return the number.

    Exports and earlier versions of the import stored episodes under the file's own ids.
    """
    ids = [name for one in batch for name in (one.turn_id, _given_id(one)) if name]
    held = {episode.turn_id: episode for episode in await store.get(ids, owner=owner)}
    missing = [one for one in batch if not _is_same(one, held.get(_given_id(one)))]
    missing = [await _with_free_id(store, one, held.get(one.turn_id)) for one in missing]
    new = await store.append_many(missing)
    for replaced in dict.fromkeys(former for one in missing for former in _replaced(one)):
        await store.tag(replaced, SUPERSEDED, owner=owner)
    if own := [one.turn_id for one in missing if _is_owners_now(one, held.get(one.turn_id))]:
        await store.make_own(own, owner=owner)
    return new


def _replaced(episode: Episode) -> list[str]:
    """Return the ids of the episodes that a revisable episode replaces, from its tags."""
    if not _is_revisable(episode):
        return []
    return [tag.removeprefix(EDIT_OF) for tag in episode.tags if tag.startswith(EDIT_OF)]


def _is_owners_now(episode: Episode, held: Episode | None) -> bool:
    foreign = held is not None and held.speaker is Speaker.THIRD_PARTY
    return foreign and episode.speaker is Speaker.OWNER


def _given_id(episode: Episode) -> str:
    return episode.given_id if isinstance(episode, ImportedEpisode) else ""


def _is_revisable(episode: Episode) -> bool:
    return isinstance(episode, ImportedEpisode) and episode.revisable


def _is_same(episode: Episode, held: Episode | None) -> bool:
    return held is not None and held.text == episode.text and held.at == episode.at


async def _with_free_id(store: EpisodeArchive, episode: Episode, held: Episode | None) -> Episode:
    """Return the episode, with a new id if another text has its id.

    A revisable episode is then tagged as an edit of the latest version; if that text is archived already, the
    archived episode is returned.
    """
    if held is None or held.text == episode.text:
        return episode
    versioned = replace(episode, turn_id=stable_id("turn", episode.owner, episode.turn_id, episode.text))
    if not _is_revisable(episode):
        return versioned
    latest = held
    while later := await store.edits(latest.turn_id, owner=episode.owner):
        if any(one.text == episode.text for one in later):
            return next(one for one in later if one.text == episode.text)
        latest = later[-1]
    return replace(versioned, tags=(*episode.tags, f"{EDIT_OF}{latest.turn_id}"))
