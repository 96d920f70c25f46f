"""Telegram Desktop's JSON export, of one chat or of all."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ijson.common import ObjectBuilder

from bot.importers.chat_exchange import ChatMessage, ImportedChat, People, to_episodes
from bot.importers.import_file import Event, ImportFile, JsonStream
from bot.importers.source import Field
from memory.models import Episode
from memory.text.text import clean

MEMBERS: Final = "result.json"
_MEDIA: Final = {
    "animation": "[animation]",
    "audio_file": "[audio]",
    "sticker": "[sticker]",
    "video_file": "[video]",
    "video_message": "[video message]",
    "voice_message": "[voice message]",
}
_ATTACHED: Final = {
    "photo": "[photo]",
    "location_information": "[location]",
    "contact_information": "[contact]",
    "poll": "[poll]",
    "game_title": "[game]",
    "invoice_information": "[invoice]",
}
_DELETED: Final = "deleted account"
_CHATS: Final = ("", "chats.list.item", "left_chats.list.item")
"""Paths of chats: the file itself, or a list in it."""


@dataclass(slots=True)
class _Reading:
    """Reads the chats of a file, and the messages of the current chat, from one stream of events."""

    events: Iterator[Event]
    file: ImportFile
    known_id: str = ""
    chats: int = 0
    about: dict[str, Any] = field(default_factory=dict)
    """Name, type and id of the chat."""

    def chat_paths(self) -> Iterator[str]:
        """Yield the path of each chat when its messages begin."""
        for place, kind, value in self.events:
            if place == "personal_information.user_id":
                self.known_id = f"user{value}"
            chat, _, key = place.rpartition(".")
            if chat in _CHATS and key in ("name", "type", "id"):
                self.about[key] = value
            elif chat in _CHATS and key == "messages" and kind == "start_array":
                yield chat
                self.about = {}
                self.chats += 1

    def messages(self, chat: str) -> Iterator[Field]:
        """Yield the messages of the current chat."""
        inside, number = f"{chat}.messages.item".removeprefix("."), 0
        builder: ObjectBuilder | None = None
        for place, kind, value in self.events:
            if place == inside.removesuffix(".item") and kind == "end_array":
                return
            if place == inside and kind == "start_map":
                builder = ObjectBuilder()
            if builder is None:
                raise self._field(chat, number, value).bad("an object")
            builder.event(kind, value)
            if place == inside and kind == "end_map":
                yield self._field(chat, number, builder.value)
                builder, number = None, number + 1

    def _field(self, chat: str, number: int, value: Any) -> Field:
        position = chat.replace(".item", f"[{self.chats}]")
        return Field(self.file.path, f"{position}.messages[{number}]".removeprefix("."), value)


def read_telegram(file: ImportFile) -> Iterator[tuple[str, Iterator[Episode]]]:
    """Yield each chat as its name and its episodes in order."""
    people = People(file)
    for stream in file.streams(MEMBERS):
        reading = _Reading(JsonStream(file.path, stream).events(), file)
        for place in reading.chat_paths():
            people.known_id = reading.known_id
            chat = _chat(reading.about, file)
            messages = (message for raw in reading.messages(place) for message in _message(raw, file))
            yield chat.name, to_episodes(chat, messages, people)
            for _ in messages:  # skips a chat that was not imported
                pass
    people.check()


def _chat(about: dict[str, Any], file: ImportFile) -> ImportedChat:
    name = clean(str(about.get("name") or "")) or str(about.get("type") or "chat").replace("_", " ")
    return ImportedChat("telegram", str(about.get("id") or name), name, file.zone)


def _message(raw: Field, file: ImportFile) -> Iterator[ChatMessage]:
    """Yield the message, if it is one that somebody wrote."""
    if raw.get("type").value != "message" or not (text := "\n".join(filter(None, (_note(raw), _text(raw))))):
        return
    exact, local = raw.find("date_unixtime"), raw.get("date")
    author_id = raw.find("from_id")
    yield ChatMessage(
        key=str(raw.get("id").value),
        author=_DELETED if raw.find("from") is None else raw.text_of("from"),
        text=text,
        at=exact.moment() if exact else local.time(file.zone),
        forwarded_from=_forwarded(raw),
        author_id=str(author_id.value) if author_id else "",
    )


def _forwarded(raw: Field) -> str:
    """Return who wrote a forwarded message; the name is null for an account that was deleted."""
    name = raw.text_of("forwarded_from").strip()
    return name or (_DELETED if "forwarded_from" in raw.names() else "")


def _text(raw: Field) -> str:
    found = raw.find("text")
    if found is None or isinstance(found.value, str):
        return found.text().strip() if found else ""
    pieces = [piece if isinstance(piece.value, str) else piece.get("text") for piece in found.items()]
    return "".join(piece.text() for piece in pieces).strip()


def _note(raw: Field) -> str:
    """Return a note that stands for the message's media, such as `[photo]`; empty without media."""
    kind, name, emoji = (raw.find(key) for key in ("media_type", "file_name", "sticker_emoji"))
    if emoji is not None:
        return emoji.text()
    if kind is not None:
        return _MEDIA.get(str(kind.value), "[media]")
    if (poll := raw.find("poll")) is not None and (question := poll.find("question")) is not None:
        return f"[poll: {question.text()}]"
    if named := [note for key, note in _ATTACHED.items() if raw.find(key) is not None]:
        return named[0]
    if name is not None:
        return f"[file: {name.text()}]"
    return "[file]" if raw.find("file") is not None else ""
