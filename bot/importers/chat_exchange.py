"""Groups the messages of a chat between people into exchanges, which are imported as episodes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from itertools import groupby

from bot.importers.import_file import NOBODY, ImportedEpisode, ImportFile
from bot.importers.source import BadImportFile, stable_id
from memory.provenance import Carrier, Part

PAUSE = timedelta(hours=1)
"""Longest gap between two messages of an exchange."""
LARGEST = 4000
"""Maximum characters of joined messages: a longer exchange mixes topics, and embeds badly."""
NAMED = 20


@dataclass(frozen=True, slots=True)
class ChatMessage:
    key: str
    """Its id in the chat."""
    author: str
    text: str
    at: datetime
    forwarded_from: str = ""
    author_id: str = ""


@dataclass(frozen=True, slots=True)
class ImportedChat:
    service: str
    key: str
    name: str
    zone: tzinfo


@dataclass(slots=True)
class People:
    """Tells which person in a file is the owner, by the name or id that was given."""

    file: ImportFile
    known_id: str = ""
    """The owner's id, if the file has it."""
    counts: dict[str, int] = field(default_factory=dict)
    """Number of messages by person."""
    found: bool = False
    namesakes: set[str] = field(default_factory=set)
    """Ids of those who have the name that was given."""

    def is_owner(self, message: ChatMessage) -> bool:
        """Count a message; return whether the owner wrote it."""
        given = self.file.me.strip().casefold()
        names = (message.author.casefold(), message.author_id.casefold())
        mine = given in names if given else bool(self.known_id) and message.author_id == self.known_id
        self.found |= mine
        if given and given == message.author.casefold() and message.author_id:
            self.namesakes.add(message.author_id)
        name = message.author or message.author_id
        self.counts[name] = self.counts.get(name, 0) + 1
        return mine

    def check(self) -> None:
        """Check, after all messages, that the owner is known.

        Raises:
            BadImportFile: lists the people of the file, or of that name.
        """
        if len(self.namesakes) > 1:
            raise BadImportFile(
                f"{self.file.path}: several people in it are called {self.file.me!r}:"
                f" {', '.join(sorted(self.namesakes)[:NAMED])}. Give your id instead: --me ID."
            )
        told = self.file.me or self.known_id
        if not self.counts or self.file.me == NOBODY or (told and (self.found or not self.file.me)):
            return
        most = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        listed = ", ".join(f"{name!r} ({count:,})" for name, count in most[:NAMED])
        listed += ", ..." if len(most) > NAMED else ""
        missing = f"nobody in it is called {told!r}" if told else "it does not say who you are"
        raise BadImportFile(
            f"{self.file.path}: {missing}. People in it, with their messages: {listed}. Name yourself with"
            f" --me NAME, so that only your own words count as yours; --me {NOBODY} if you are none of them."
        )


@dataclass(slots=True)
class _Exchange:
    messages: list[tuple[ChatMessage, bool]]
    size: int = 0

    def takes(self, message: ChatMessage, mine: bool) -> bool:
        """Return whether a message continues the exchange.

        It does not after a long pause, above the largest size, or if the side that began speaks again after
        the other.
        """
        last, size = self.messages[-1][0], self.size + len(message.text)
        began = self.messages[0][1]
        answered = any(side != began for _, side in self.messages)
        soon = timedelta() <= message.at - last.at <= PAUSE
        return soon and size <= LARGEST and not (answered and mine == began)

    def add(self, message: ChatMessage, mine: bool) -> None:
        self.messages.append((message, mine))
        self.size += len(message.text)


def to_episodes(
    chat: ImportedChat, messages: Iterable[ChatMessage], people: People
) -> Iterator[ImportedEpisode]:
    """Yield the exchanges of a chat; the owner's words are the message, others' words its parts."""
    current: _Exchange | None = None
    for message in messages:
        mine = people.is_owner(message)
        if current is None or not current.takes(message, mine):
            if current:
                yield _episode(chat, current, people.file.owner)
            current = _Exchange([])
        current.add(message, mine)
    if current:
        yield _episode(chat, current, people.file.owner)


def _episode(chat: ImportedChat, exchange: _Exchange, owner: str) -> ImportedEpisode:
    first = exchange.messages[0][0]
    own = [one.text for one, mine in exchange.messages if mine and not one.forwarded_from]
    return ImportedEpisode(
        turn_id=stable_id(chat.service, owner, chat.key, first.key),
        owner=owner,
        thread=stable_id(chat.service, owner, chat.key),
        message="\n".join(own),
        reply="",
        at=first.at,
        tags=(chat.name,) if chat.name.strip() else (),
        parts=tuple(_parts(exchange, chat.zone)),
        attributed=True,
        revisable=True,
    )


def _parts(exchange: _Exchange, zone: tzinfo) -> Iterator[Part]:
    """Yield others' words, joined for each run of messages, with their author and local time."""
    others = [one for one, mine in exchange.messages if not mine or one.forwarded_from]
    for (author, forwarded), run in groupby(others, key=lambda one: (one.author, one.forwarded_from)):
        said = list(run)
        carrier = Carrier.FORWARDED if forwarded else Carrier.IMPORT
        source = f"{forwarded or author}, {said[0].at.astimezone(zone):%H:%M}"
        yield Part(text="\n".join(one.text for one in said), carrier=carrier, source=source)
