"""Episodes of a file: in a namespace of their own, and said by others until the owner says otherwise."""

from dataclasses import dataclass, replace

from bot.importers.source import stable_id
from memory.models import EDIT_OF, Episode
from memory.provenance import Carrier, Speaker

IMPORTED = "imported"
"""The tag of every episode that was imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEpisode(Episode):
    """An episode whose file has an id for it."""

    given_id: str = ""
    """It stands under this one where it was exported from, and in archives of earlier versions."""

    def is_same(self, other: Episode) -> bool:
        """Tell whether the other one is the same turn, by what was said when."""
        return (self.message, self.reply, self.at) == (other.message, other.reply, other.at)


def derived_id(owner: str, given: str) -> str:
    """Return the id of a turn that a file has an id for: never that one, which may be a coming turn's."""
    return stable_id("turn", owner, given)


def derived_tag(owner: str, tag: str) -> str:
    """Return a tag of a file; the turn that one names is one of the file."""
    return f"{EDIT_OF}{derived_id(owner, tag.removeprefix(EDIT_OF))}" if tag.startswith(EDIT_OF) else tag


def attributed(episode: Episode, *, mine: bool) -> Episode:
    """Return an episode as imported; what the file itself says a third party said stays theirs."""
    own = mine and episode.speaker is Speaker.OWNER
    speaker = Speaker.OWNER if own else Speaker.THIRD_PARTY
    tags = tuple(dict.fromkeys([*episode.tags, IMPORTED]))
    parts = episode.parts if mine else [replace(part, speaker=Speaker.THIRD_PARTY) for part in episode.parts]
    return replace(episode, speaker=speaker, carrier=Carrier.IMPORT, tags=tags, parts=tuple(parts))
