"""Content of a Telegram message: the sender's text, quotes, forwards and attachments."""

import mimetypes
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from telegram import (
    Message,
    MessageOrigin,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
    PhotoSize,
)
from telegram.constants import FileSizeLimit

from bot.media.attachment import Attachment, forwarded_from
from memory.provenance import Carrier, Part, Speaker
from memory.text.text import clean

MAX_QUOTE = 1000
_MAX_NAME = 200
_FILES = {
    "voice": "[voice message]",
    "audio": "[audio {}]",
    "photo": "[photo]",
    "document": "[document {}]",
}
"""Labels of files in a quoted message, which are not read."""
_PRIVATE = re.compile(r"\s*(?:[!！](?![!！?？.…])|/private(?:@\w+)?(?=\s|\Z))\s*", re.IGNORECASE)
"""`!` or `/private` in front; `!!!` and `!?` are exclamations."""
_NAME_LENGTH = 64
_CARDS: dict[str, Callable[[Any], str]] = {
    "venue": lambda venue: f"venue {venue.title}, {venue.address} ({_point(venue.location)})",
    "contact": lambda contact: (
        f"contact {' '.join(filter(None, (contact.first_name, contact.last_name)))}, {contact.phone_number}"
    ),
    "poll": lambda poll: " / ".join([f"poll: {poll.question}", *(option.text for option in poll.options)]),
    "game": lambda game: f"game {game.title}",
    "checklist": lambda list_: " / ".join(
        [f"checklist: {list_.title}", *(task.text for task in list_.tasks)]
    ),
    "invoice": lambda invoice: f"invoice {invoice.title}",
}
"""Content with text chosen by others. A venue also has a location, so cards are checked first."""
_LABELS: dict[str, Callable[[Any], str]] = {
    "sticker": lambda sticker: f"sticker {sticker.emoji or ''}",
    "location": lambda location: f"location {_point(location)}",
    "dice": lambda dice: f"dice {dice.emoji} {dice.value}",
    "animation": lambda _: "video",
    "video": lambda _: "video",
    "video_note": lambda _: "video message",
    "story": lambda _: "story",
    "paid_media": lambda _: "paid media",
    "giveaway": lambda _: "giveaway",
    "giveaway_winners": lambda _: "giveaway winners",
}
"""The first match is used: a GIF is also a document."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message's text, quoted and forwarded parts, and attachments."""

    text: str
    """The sender's own words."""
    parts: tuple[Part, ...]
    """Text by others, and the quoted message."""
    attachments: tuple[Attachment, ...]
    private: bool = False
    """Marked by a leading `!` or `/private`, which is removed from the text."""

    @property
    def quotes(self) -> tuple[Part, ...]:
        """The message it replies to."""
        return tuple(part for part in self.parts if part.carrier is Carrier.QUOTED)

    @property
    def is_empty(self) -> bool:
        """True if it has no content besides quotes."""
        return not (self.text.strip() or self.attachments or len(self.parts) > len(self.quotes))


def read_message(message: Message, bot_id: int, bot_username: str) -> Incoming:
    """Parse a message; service messages (joined, pinned) give neither text nor files."""
    said = message.text or message.caption or ""
    if message.chat.type != message.chat.PRIVATE and bot_username:
        said = _without_mention(said, bot_username)
    origin = _origin(message)
    private = not origin and _PRIVATE.match(said)
    said = said[private.end() :] if private else said
    text, parts = clean("\n".join(filter(None, (label(message), said)))), list(_quote(message, bot_id))
    if origin and text:
        parts.append(Part(text=text, carrier=Carrier.FORWARDED, source=origin))
    if described := clean(card(message)):
        parts.append(Part(text=f"[{described}]", carrier=Carrier.CARD, source=forwarded_from(origin)))
    attachments = tuple(replace(file, origin=origin) for file in _attachments(message))
    return Incoming("" if origin else text, tuple(parts), attachments, private=bool(private))


def words_and_parts(incoming: Incoming, files: Sequence[Part], writer: str) -> tuple[str, tuple[Part, ...]]:
    """Return the sender's own words, typed and spoken, and the other parts including the files' texts.

    `writer` is the sender's name in a group, else empty.
    """
    spoken = [f"[voice message] {file.text}" for file in files if not file.foreign]
    name = [Part(text=writer, carrier=Carrier.NAME, speaker=Speaker.OWNER)] if writer else []
    words = "\n\n".join(text for text in (incoming.text, *spoken) if text.strip())
    return words, (*incoming.parts, *(file for file in files if file.foreign), *name)


def _origin(message: Message) -> str:
    """Return the author of a forwarded message or the bot it was sent via; empty for the sender's own."""
    if message.forward_origin:
        return plain_name(origin_name(message.forward_origin)) or "somebody"
    return plain_name(f"@{message.via_bot.username}") if message.via_bot else ""


def _without_mention(text: str, username: str) -> str:
    """Remove the mention of the bot at either end; one in the middle belongs to the sentence."""
    name = f"@{re.escape(username.removeprefix('@'))}"
    text = re.sub(rf"\A\s*{name}(?!\w)[,:]?\s*", "", text, flags=re.IGNORECASE)
    return re.sub(rf"(?:(?<=\s)|\A){name}\s*\Z", "", text, flags=re.IGNORECASE).rstrip(" ")


def _attachments(message: Message) -> Iterator[Attachment]:
    if voice := message.voice:
        yield Attachment("voice", voice.file_id, voice.file_size, "voice.ogg", voice.mime_type or "audio/ogg")
    if audio := message.audio:
        mime = audio.mime_type or "audio/mpeg"
        yield Attachment(
            "audio", audio.file_id, audio.file_size, _file_name(audio.file_name, "audio", mime), mime
        )
    if sizes := message.photo or (message.live_photo and message.live_photo.photo):
        photo = _largest(sizes)
        yield Attachment("photo", photo.file_id, photo.file_size, "photo.jpg", "image/jpeg")
    if (document := message.document) and not message.animation:
        mime = document.mime_type or ""
        name = _file_name(document.file_name, "document", mime)
        yield Attachment("document", document.file_id, document.file_size, name, mime)


def _largest(sizes: Sequence[PhotoSize]) -> PhotoSize:
    """Return the largest size that bots may download."""
    ordered = sorted(sizes, key=lambda size: size.width * size.height)
    fitting = [size for size in ordered if (size.file_size or 0) <= FileSizeLimit.FILESIZE_DOWNLOAD]
    return fitting[-1] if fitting else ordered[0]


def _file_name(name: str | None, otherwise: str, mime: str) -> str:
    """Return a file's name on one line, or one derived from its type."""
    given = " ".join(clean(name or "").split())
    return given[-_MAX_NAME:] or otherwise + (mimetypes.guess_extension(mime) or "")


def _quote(message: Message, bot_id: int) -> Iterator[Part]:
    """Yield the quoted message, if any."""
    replied, external = message.reply_to_message, message.external_reply
    if replied and replied.forum_topic_created:
        return
    text = clean(message.quote.text if message.quote else _content(replied) if replied else "")
    if not text:
        return
    name = _name(message, replied, bot_id) if replied else origin_name(external.origin) if external else ""
    yield Part(
        text=text if len(text) <= MAX_QUOTE else text[:MAX_QUOTE] + "…",
        carrier=Carrier.QUOTED,
        speaker=_speaker(message, replied, bot_id) if replied else Speaker.THIRD_PARTY,
        source=plain_name(name),
    )


def _content(message: Message) -> str:
    files = [_FILES[file.kind].format(file.name) for file in _attachments(message)]
    described = f"[{card(message)}]" if card(message) else label(message)
    return "\n".join(part for part in (described, *files, message.text or message.caption) if part)


def _name(message: Message, replied: Message, bot_id: int) -> str:
    """Return the name of the quoted person; empty for the bot and for the sender."""
    if origin := _origin(replied):
        return origin
    if replied.sender_chat:
        return "" if replied.sender_chat == message.sender_chat else replied.sender_chat.effective_name or ""
    user = replied.from_user
    own = user is None or user.id == bot_id or (user == message.from_user and not message.sender_chat)
    return "" if user is None or own else user.full_name


def _speaker(message: Message, replied: Message, bot_id: int) -> Speaker:
    """Return whose words a quoted message holds; forwards, cards and documents count as a third party's."""
    user = replied.from_user
    if user is None or replied.sender_chat or _origin(replied) or card(replied) or replied.document:
        return Speaker.THIRD_PARTY
    if user.id == bot_id:
        return Speaker.ASSISTANT
    own = user == message.from_user and not message.sender_chat and not replied.audio
    return Speaker.OWNER if own else Speaker.THIRD_PARTY


def card(message: Message) -> str:
    """Describe a contact, poll or the like; empty for none."""
    return _describe(message, _CARDS)


def label(message: Message) -> str:
    """Describe content other than text, files and cards; empty for none."""
    words = "" if card(message) else _describe(message, _LABELS)
    return f"[{words}]" if words else ""


def _describe(message: Message, kinds: dict[str, Callable[[Any], str]]) -> str:
    found = (words(value) for kind, words in kinds.items() if (value := getattr(message, kind)))
    return next(found, "").strip()


def plain_name(name: str) -> str:
    """Return a name without characters that could make it look like a message."""
    return " ".join(clean(name).replace(":", " ").replace("]", " ").split())[:_NAME_LENGTH]


def origin_name(origin: MessageOrigin) -> str:
    """Return the name of a forwarded message's author."""
    match origin:
        case MessageOriginUser():
            return origin.sender_user.full_name
        case MessageOriginHiddenUser():
            return origin.sender_user_name
        case MessageOriginChat():
            return origin.sender_chat.effective_name or "a chat"
        case MessageOriginChannel():
            return origin.chat.effective_name or "a channel"
        case _:
            return "somebody"


def _point(location: Any) -> str:
    return f"{location.latitude:.6g}, {location.longitude:.6g}"
