"""Who says each span of a turn, and how it came in: the owner's words alone may command.

A turn is the owner's own words, its `message`, and parts: texts that came with them, each by itself.
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
    """How it came in."""

    TYPED = "typed"
    """Or spoken by the owner: their own voice message is their own words."""
    FORWARDED = "forwarded"
    QUOTED = "quoted"
    """What a message replies to."""
    DOCUMENT = "document"
    VOICE = "voice"
    """A recording of somebody else, transcribed."""
    PICTURE = "picture"
    """What a model sees in it."""
    CARD = "card"
    """A contact, a place, a poll or the like, whose words others chose."""
    NAME = "name"
    """The name of the member of a group who writes; it says nothing by itself."""
    IMPORT = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A text that came with a message and is not the owner's typing."""

    text: str
    carrier: Carrier
    speaker: Speaker = Speaker.THIRD_PARTY
    source: str = ""
    """The file's name, or who wrote it: also a third party's word."""

    @property
    def foreign(self) -> bool:
        """Whether a third party says it."""
        return self.speaker is Speaker.THIRD_PARTY

    @property
    def title(self) -> str:
        """What it is and where it is from, on one line."""
        return " ".join(filter(None, (_TITLES.get(self.carrier, self.carrier.value), self.source)))


_TITLES: Final = {
    Carrier.FORWARDED: "forwarded from",
    Carrier.QUOTED: "",
    Carrier.VOICE: "voice message",
    Carrier.PICTURE: "photo",
    Carrier.CARD: "",
}
_UNSAID: Final = (Carrier.QUOTED, Carrier.NAME)
OWN_WORDS: Final = -1


class Spoken:
    """What has a message and parts."""

    __slots__ = ()
    message: str
    parts: tuple[Part, ...]

    @property
    def said(self) -> str:
        """Message and parts as one text, to search it and to show it to people; a prompt has each by itself.

        What is quoted is left out: it was said before, elsewhere.
        """
        return said(self.message, self.parts)

    @property
    def from_others(self) -> bool:
        """Whether any part is a third party's."""
        return any(part.foreign for part in self.parts)


def said(message: str, parts: Sequence[Part]) -> str:
    """Return message and parts as one text; see `Spoken.said`."""
    return "".join(text for text, _ in spans(message, parts)) if parts else message


def spans(message: str, parts: Sequence[Part]) -> list[tuple[str, int | None]]:
    """Return what `Spoken.said` is made of, in order: each text with the number of its part.

    `OWN_WORDS` stands for the message, None for what marks where a text begins.
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
    """Return the name of who writes, where several do."""
    return [part.text for part in parts if part.carrier is Carrier.NAME]


def worth_keeping(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return what is archived with a message: all but quotations of what the archive has already."""
    return tuple(part for part in parts if part.carrier is not Carrier.QUOTED or part.foreign)


def plain(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return parts as JSON has them."""
    return [asdict(part) for part in parts]


def read_parts(value: object) -> tuple[Part, ...]:
    """Read what `plain` wrote; none from what is something else."""
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
    """Return as one column who says a message, and its parts; empty for what the owner typed."""
    if speaker is Speaker.OWNER and carrier is Carrier.TYPED and not parts:
        return ""
    return json.dumps({"speaker": speaker, "carrier": carrier, "parts": plain(parts)}, ensure_ascii=False)


def load(column: str) -> tuple[Speaker, Carrier, tuple[Part, ...]]:
    """Read what `dump` wrote."""
    if not column:
        return Speaker.OWNER, Carrier.TYPED, ()
    found = json.loads(column)
    return Speaker(found["speaker"]), Carrier(found["carrier"]), read_parts(found["parts"])
