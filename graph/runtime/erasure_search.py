"""A search of every store for what was erased."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from graph.layers import Layers
from memory.database import owner_key
from memory.errors import DataFolderError
from memory.models import Episode
from memory.owners.file_search import search_files
from memory.text.text import written_forms
from memory.working.redis_copy import read_all

LEAST_CHARS = 16
"""Shorter texts are likely to be said elsewhere, too."""
_LONGEST, _MOST_TEXTS = 200, 40


@dataclass(frozen=True, slots=True)
class Searched:
    """The result of a search."""

    texts: int
    """Number of texts searched for: at most 40, without short ones."""
    files: int
    megabytes: int
    entries: int
    """Keys of Redis."""
    found: tuple[str, ...]
    """Files, keys and tables that hold one of the texts."""


async def search_stores(layers: Layers, texts: Iterable[str], *, owner: str) -> Searched:
    """Search the data folder's files byte by byte, Redis and the owner's tables for erased texts of an owner.

    Raises:
        MemoryTierError, DataFolderError: a store cannot be read.
    """
    chosen = _distinctive(texts)
    forms = {form.encode("utf-8", "surrogatepass") for text in chosen for form in written_forms(text)}
    folder = layers.settings.data_folder
    try:
        files = await asyncio.to_thread(search_files, folder, owner_key(owner), forms)
    except OSError as error:
        raise DataFolderError(str(error)) from error
    entries, found = 0, list(files.found)
    async for key, value in read_all(layers.redis):
        entries += 1
        if any(form in piece for piece in _pieces(value) for form in forms):
            found.append(f"Redis: {key.decode('utf-8', 'replace')}")
    found += [f"table {name}" for name in await layers.files.tables_with(owner, chosen)]
    return Searched(len(chosen), files.files, files.megabytes, entries, tuple(found))


async def words_of(layers: Layers, turn_ids: Sequence[str] = (), *, owner: str) -> list[str]:
    """Return texts to search for after an erasure: those of turns, by default the latest ones and facts."""
    if turn_ids:
        return [text for one in await layers.episodes.get(turn_ids, owner=owner) for text in _texts(one)]
    latest = await layers.episodes.recent(owner=owner, limit=_MOST_TEXTS // 2)
    facts = await layers.permanent.facts(owner=owner)
    return [*(text for one in latest for text in _texts(one)), *(fact.value for fact in facts)]


def _texts(episode: Episode) -> Iterator[str]:
    yield from (episode.message, episode.reply)
    yield from (part.text for part in episode.parts)


def _distinctive(texts: Iterable[str]) -> list[str]:
    """Return the longest line of each text, if it is long enough to be distinctive."""
    lines = [max((line.strip() for line in text.splitlines()), key=len, default="") for text in texts]
    long = [line[:_LONGEST] for line in dict.fromkeys(lines) if len(line) >= LEAST_CHARS]
    return long[:: -(-len(long) // _MOST_TEXTS) or 1]


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _pieces(pair)
    elif isinstance(value, list | tuple | set):
        for one in value:
            yield from _pieces(one)
