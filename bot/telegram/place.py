"""Where an update belongs: its chat and topic, whose memory that is, and who speaks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from telegram import Message, Update

NOWHERE = "none"
_GENERAL_TOPIC = 1
_IDS = 2**53
_ASIDE = ("callback_query", "message_reaction", "message_reaction_count", "my_chat_member")
"""Kinds of updates that do not wait for the turns of their chat."""


@dataclass(frozen=True, slots=True)
class Place:
    """A chat, or a topic of it."""

    chat_id: int
    topic: int = 0
    """0 for a chat without topics, and for its general one."""
    private: bool = True

    @property
    def lane(self) -> str:
        """Name the lane of its turns."""
        return f"{self.chat_id}:{self.topic}"


def place_of(message: Message) -> Place:
    """Return where a message stands."""
    topic = (message.message_thread_id or 0) if message.is_topic_message else 0
    private = message.chat.type == message.chat.PRIVATE
    return Place(message.chat.id, 0 if topic == _GENERAL_TOPIC else topic, private)


def update_place(update: Update) -> Place | None:
    """Return where an update belongs; None when that is nowhere in particular."""
    if isinstance(update.effective_message, Message):
        return place_of(update.effective_message)
    chat = update.effective_chat
    return Place(chat.id, 0, chat.type == chat.PRIVATE) if chat else None


def lane_of(update: Mapping[str, Any]) -> str:
    """Name the lane of an update as Telegram sent it, whatever is wrong with it."""
    aside = ""
    for kind, content in update.items():
        if not isinstance(content, Mapping):
            continue
        if kind in _ASIDE:
            aside = ":aside"
        message = content.get("message") if kind == "callback_query" else content
        if isinstance(message, Mapping) and isinstance(chat := message.get("chat"), Mapping):
            chat_id = _id(chat.get("id"))
            return f"{chat_id}:{_topic(message)}{aside}" if chat_id else NOWHERE
    return NOWHERE


def _topic(message: Mapping[str, Any]) -> int:
    topic = _id(message.get("message_thread_id")) if message.get("is_topic_message") else 0
    return 0 if topic == _GENERAL_TOPIC else topic


def _id(value: object) -> int:
    """Return an id as Telegram makes them; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _IDS else 0
