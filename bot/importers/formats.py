"""Import formats by name."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from bot.importers.jsonl_format import read_jsonl
from bot.importers.locomo_format import read_locomo
from bot.importers.longmemeval_format import read_longmemeval
from bot.importers.source import BadImportFile
from memory.models import Episode
from memory.provenance import Carrier, Speaker

IMPORTED = "imported"
"""Tag of imported episodes."""
NAMED = 20  # conversations listed in an error


class Format(StrEnum):
    LOCOMO = "locomo"
    LONGMEMEVAL = "longmemeval"
    JSONL = "jsonl"


_READERS: dict[Format, Callable[[Path, str], Iterator[tuple[str, Iterator[Episode]]]]] = {
    Format.LOCOMO: read_locomo,
    Format.LONGMEMEVAL: read_longmemeval,
    Format.JSONL: read_jsonl,
}


def read_episodes(
    path: Path, format_: Format, *, owner: str, conversation: str = "", mine: bool = False
) -> Iterator[Episode]:
    """Yield the turns of a file as episodes of `owner`, with deterministic turn ids.

    Args:
        path: a file; for LongMemEval also a folder of files.
        format_: its format.
        owner: owner of the target archive.
        conversation: import only this sample id, case id or thread; all if empty.
        mine: the messages are the owner's words, not a third party's.

    Raises:
        BadImportFile: names file, position and the expected value.
    """
    others: dict[str, None] = {}
    any_turn = False
    for name, episodes in _READERS[format_](path, owner):
        if conversation and name != conversation:
            others[name] = None
            continue
        for episode in episodes:
            any_turn = True
            yield _to_imported(episode, mine=mine)
    if not any_turn:
        raise BadImportFile(f"{path}: {_not_found(conversation, list(others))}")


def _not_found(conversation: str, others: list[str]) -> str:
    if not conversation:
        return "expected conversations, found no turn"
    listed = ", ".join(others[:NAMED]) + (", ..." if len(others) > NAMED else "")
    return f"expected the conversation {conversation!r}, found: {listed or 'none'}"


def _to_imported(episode: Episode, *, mine: bool) -> Episode:
    """Return the episode as imported; its words are the owner's only if `mine` is set and the file agrees."""
    own = mine and episode.speaker is Speaker.OWNER
    speaker = Speaker.OWNER if own else Speaker.THIRD_PARTY
    tags = tuple(dict.fromkeys([*episode.tags, IMPORTED]))
    parts = episode.parts if mine else [replace(part, speaker=Speaker.THIRD_PARTY) for part in episode.parts]
    return replace(episode, speaker=speaker, carrier=Carrier.IMPORT, tags=tags, parts=tuple(parts))
