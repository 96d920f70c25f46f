"""What a message holds that is neither text nor a file to be read, told in a few words."""

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

from memory.text import clean

_NAME_LENGTH = 64
_LABELS: dict[str, Callable[[Any], str]] = {
    "sticker": lambda sticker: f"sticker {sticker.emoji or ''}",
    "venue": lambda venue: f"venue {venue.title}, {venue.address} ({_point(venue.location)})",
    "location": lambda location: f"location {_point(location)}",
    "contact": lambda contact: f"contact {_full_name(contact)}, {contact.phone_number}",
    "poll": lambda poll: " / ".join([f"poll: {poll.question}", *(option.text for option in poll.options)]),
    "dice": lambda dice: f"dice {dice.emoji} {dice.value}",
    "animation": lambda _: "video",
    "video": lambda _: "video",
    "video_note": lambda _: "video message",
    "story": lambda _: "story",
    "game": lambda game: f"game {game.title}",
    "checklist": lambda list_: " / ".join(
        [f"checklist: {list_.title}", *(task.text for task in list_.tasks)]
    ),
    "paid_media": lambda _: "paid media",
    "invoice": lambda invoice: f"invoice {invoice.title}",
    "giveaway": lambda _: "giveaway",
    "giveaway_winners": lambda _: "giveaway winners",
}
"""First come first served: a venue has a location, a GIF is a document too."""


def label(message: Message) -> str:
    """Tell in words what a message holds besides text and files; empty for nothing."""
    for kind, words in _LABELS.items():
        if value := getattr(message, kind):
            return f"[{words(value).strip()}]"
    return ""


def plain_name(name: str) -> str:
    """Return somebody's name such that it cannot pass for what they say."""
    return " ".join(clean(name).replace(":", " ").replace("]", " ").split())[:_NAME_LENGTH]


def origin_name(origin: MessageOrigin) -> str:
    """Name whoever wrote a forwarded message."""
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
