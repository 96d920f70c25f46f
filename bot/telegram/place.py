"""Chat and topic of an update, and the lane they belong to.

Importing this module does not import the library of Telegram, which is slow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telegram import Message, Update

NOWHERE = "none"
GENERAL_TOPIC = 1
_IDS = 2**53
_ASIDE = ("callback_query", "message_reaction", "message_reaction_count", "my_chat_member")
"""Kinds of updates that do not wait for the turns of their chat."""
_LOOKING = ("help", "why", "memory", "facts", "stats", "jobs", "stop")
"""Commands that do not wait for turns either: they only read, or stop the running one."""
_SUPERGROUPS = -(10**12)
"""Upper limit of supergroups' ids. Each has its own message ids; the bot's other chats share theirs."""


@dataclass(frozen=True, slots=True)
class Place:
    """A chat or one of its topics."""

    chat_id: int
    topic: int = 0
    """0 for the general topic and for chats without topics."""
    private: bool = True

    @property
    def lane(self) -> str:
        return f"{self.chat_id}:{self.topic}"

    @property
    def has_own_ids(self) -> bool:
        """Return True if message ids are counted for this chat alone."""
        return self.chat_id < _SUPERGROUPS


def place_of(message: "Message") -> Place:
    """Return a message's chat and topic."""
    topic = (message.message_thread_id or 0) if message.is_topic_message else 0
    private = message.chat.type == message.chat.PRIVATE
    return Place(message.chat.id, 0 if topic == GENERAL_TOPIC else topic, private)


def place_of_lane(lane: str) -> Place:
    """Return the chat and topic of a lane's name."""
    chat_id, _, topic = lane.partition(":")
    return Place(int(chat_id), int(topic or 0), int(chat_id) > 0)


def update_place(update: "Update") -> Place | None:
    """Return an update's chat and topic; None if it has no chat."""
    if update.effective_message is not None:
        return place_of(update.effective_message)
    chat = update.effective_chat
    return Place(chat.id, 0, chat.type == chat.PRIVATE) if chat else None


def lane_of(update: Mapping[str, Any]) -> str:
    """Return the lane of an update in Telegram's JSON, even of a malformed one."""
    for kind, content in update.items():
        if not isinstance(content, Mapping):
            continue
        aside = ":aside" if kind in _ASIDE else ":look" if kind == "message" and _is_look(content) else ""
        message = content.get("message") if kind == "callback_query" else content
        if isinstance(message, Mapping) and isinstance(chat := message.get("chat"), Mapping):
            chat_id = _id(chat.get("id"))
            topic = _id(message.get("message_thread_id")) if message.get("is_topic_message") else 0
            return f"{chat_id}:{0 if topic == GENERAL_TOPIC else topic}{aside}" if chat_id else NOWHERE
    return NOWHERE


def _is_look(message: Mapping[str, Any]) -> bool:
    """Return True for a command that does not wait; a forwarded one is a message like any other."""
    text = message.get("text")
    if not isinstance(text, str) or "forward_origin" in message or "via_bot" in message:
        return False
    name, _, _ = text.partition(" ")[0].split("\n")[0].removeprefix("/").partition("@")
    return text.startswith("/") and name.lower() in _LOOKING


def _id(value: object) -> int:
    """Return a valid Telegram id, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _IDS else 0
