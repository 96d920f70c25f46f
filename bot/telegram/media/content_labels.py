"""Short descriptions of message content that is neither text nor a readable file."""

from collections.abc import Callable
from typing import Any

from telegram import (
    Message,
    MessageOrigin,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
)

from memory.text.text import clean

_NAME_LENGTH = 64
_CARDS: dict[str, Callable[[Any], str]] = {
    "venue": lambda venue: f"venue {venue.title}, {venue.address} ({_point(venue.location)})",
    "contact": lambda contact: f"contact {_full_name(contact)}, {contact.phone_number}",
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


def _full_name(person: Any) -> str:
    return " ".join(part for part in (person.first_name, person.last_name) if part)
