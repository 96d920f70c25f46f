"""Imported episodes: ids in a separate namespace, and by a third party unless the owner claims them."""

from dataclasses import dataclass, replace

from bot.importers.source import stable_id
from memory.models import EDIT_OF, Episode
from memory.provenance import Carrier, Speaker

IMPORTED = "imported"
"""Tag of imported episodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEpisode(Episode):
    """An episode with an id in its file."""

    given_id: str = ""
    """The id in the exporting archive, and in imports by earlier versions."""

    def is_same(self, other: Episode) -> bool:
        """Return whether both have the same texts and time."""
        return (self.message, self.reply, self.at) == (other.message, other.reply, other.at)


def derived_id(owner: str, given: str) -> str:
    """Return the turn id for a file's id; it differs, because the file's id may belong to a future turn."""
    return stable_id("turn", owner, given)


def derived_tag(owner: str, tag: str) -> str:
    """Return a file's tag, with a turn id in it converted like the file's turn ids."""
    return f"{EDIT_OF}{derived_id(owner, tag.removeprefix(EDIT_OF))}" if tag.startswith(EDIT_OF) else tag


def to_imported(episode: Episode, *, mine: bool) -> Episode:
    """Return the episode as imported; its words are the owner's only if `mine` is set and the file agrees."""
    own = mine and episode.speaker is Speaker.OWNER
    speaker = Speaker.OWNER if own else Speaker.THIRD_PARTY
    tags = tuple(dict.fromkeys([*episode.tags, IMPORTED]))
    parts = episode.parts if mine else [replace(part, speaker=Speaker.THIRD_PARTY) for part in episode.parts]
    return replace(episode, speaker=speaker, carrier=Carrier.IMPORT, tags=tags, parts=tuple(parts))
