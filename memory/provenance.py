"""Speaker and carrier of each text of a turn: only the owner's words may command.

A turn has a `message`, the owner's words, and parts: separate texts that came with it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final


class Speaker(StrEnum):
    """Who says it."""

    OWNER = "owner"
    ASSISTANT = "assistant"
    THIRD_PARTY = "third_party"


class Carrier(StrEnum):
    """How a text came in."""

    TYPED = "typed"
    """Also the owner's own voice message."""
    FORWARDED = "forwarded"
    QUOTED = "quoted"
    """The message that this one replies to."""
    DOCUMENT = "document"
    VOICE = "voice"
    """A transcribed recording of somebody else."""
    PICTURE = "picture"
    """A model's description of a picture."""
    CARD = "card"
    """A contact, a place, a poll or the like, worded by others."""
    NAME = "name"
    """Name of the writing member of a group; not a statement."""
    GROUP = "group"
    """Said in a group, but not to the assistant."""
    IMPORT = "import"
    CONTEXT = "context"
    """Sent along by a client's program: its system prompt, a conversation held elsewhere. Not archived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A text that came with a message, not typed by the owner."""

    text: str
    carrier: Carrier
    speaker: Speaker = Speaker.THIRD_PARTY
    source: str = ""
    """A file name or an author; third parties may have chosen it."""

    @property
    def foreign(self) -> bool:
        """True when its author is a third party."""
        return self.speaker is Speaker.THIRD_PARTY

    @property
    def title(self) -> str:
        """Kind and source on one line."""
        return " ".join(filter(None, (_TITLES.get(self.carrier, self.carrier.value), self.source)))


_TITLES: Final = {
    Carrier.FORWARDED: "forwarded from",
    Carrier.GROUP: "group message by",
    Carrier.QUOTED: "",
    Carrier.VOICE: "voice message",
    Carrier.PICTURE: "photo",
    Carrier.CARD: "",
    Carrier.CONTEXT: "",
}
_UNSAID: Final = (Carrier.QUOTED, Carrier.NAME, Carrier.CONTEXT)
OWN_WORDS: Final = -1


class Spoken:
    """Mixin for values with a message and parts."""

    __slots__ = ()
    message: str
    parts: tuple[Part, ...]

    @property
    def said(self) -> str:
        """Message and parts as one text, for search and display; prompts keep them separate.

        Quotations and a client's context are left out, since they were said before.
        """
        return said(self.message, self.parts)

    @property
    def from_others(self) -> bool:
        """True when any part is a third party's."""
        return any(part.foreign for part in self.parts)


def said(message: str, parts: Sequence[Part]) -> str:
    """Join message and parts to one text; see `Spoken.said`."""
    return "".join(text for text, _ in spans(message, parts)) if parts else message


def spans(message: str, parts: Sequence[Part]) -> list[tuple[str, int | None]]:
    """Return the pieces of `Spoken.said` in order, each with the index of its part.

    The index is `OWN_WORDS` for the message and None for separators and titles.
    """
    found: list[tuple[str, int | None]] = [(f"{name}: ", None) for name in names(parts)]
    texts: list[tuple[str, str, int]] = [("", message, OWN_WORDS)] if message else []
    texts += [
        (f"[{part.title}]\n" if part.title else "", part.text, number)
        for number, part in enumerate(parts)
        if part.carrier not in _UNSAID
    ]
    for place, (mark, text, number) in enumerate(texts):
        found += [(("\n\n" if place else "") + mark, None), (text, number)]
    return found


def names(parts: Sequence[Part]) -> list[str]:
    """Return the names of writing group members."""
    return [part.text for part in parts if part.carrier is Carrier.NAME]


def talkers(parts: Sequence[Part]) -> frozenset[str]:
    """Return the names of those who said the parts in a group, to others than the assistant."""
    return frozenset(part.source for part in parts if part.carrier is Carrier.GROUP)


def worth_keeping(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return the parts to archive: no context, and quotations of third parties only."""
    kept = (part for part in parts if part.carrier is not Carrier.CONTEXT)
    return tuple(part for part in kept if part.carrier is not Carrier.QUOTED or part.foreign)


def plain(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Convert parts to JSON values."""
    return [asdict(part) for part in parts]


def read_parts(value: object) -> tuple[Part, ...]:
    """Parse the result of `plain`; empty for anything else."""
    try:
        return tuple(map(_read, value)) if isinstance(value, list | tuple) else ()
    except (TypeError, ValueError, KeyError):
        return ()


def _read(value: Any) -> Part:
    return Part(
        text=str(value["text"]),
        carrier=Carrier(value["carrier"]),
        speaker=Speaker(value["speaker"]),
        source=str(value["source"]),
    )


def dump(speaker: Speaker, carrier: Carrier, parts: Sequence[Part]) -> str:
    """Serialise speaker, carrier and parts for a column; empty for a message that the owner typed."""
    if speaker is Speaker.OWNER and carrier is Carrier.TYPED and not parts:
        return ""
    return json.dumps({"speaker": speaker, "carrier": carrier, "parts": plain(parts)}, ensure_ascii=False)


def load(column: str) -> tuple[Speaker, Carrier, tuple[Part, ...]]:
    if not column:
        return Speaker.OWNER, Carrier.TYPED, ()
    found = json.loads(column)
    return Speaker(found["speaker"]), Carrier(found["carrier"]), read_parts(found["parts"])
