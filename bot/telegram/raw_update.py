"""The lane of an update as Telegram sends it; needs no library of Telegram, which is slow to import."""

from collections.abc import Mapping
from typing import Any

NOWHERE = "none"
GENERAL_TOPIC = 1
_IDS = 2**53
_ASIDE = ("callback_query", "message_reaction", "message_reaction_count", "my_chat_member")
"""Kinds of updates that do not wait for the turns of their chat."""
_LOOKING = ("help", "why", "memory", "facts", "stats", "jobs", "stop")
"""Commands that do not wait for them either: they change nothing, or end what would be waited for."""


def lane_of(update: Mapping[str, Any]) -> str:
    """Return the lane of a raw update, even a malformed one."""
    for kind, content in update.items():
        if not isinstance(content, Mapping):
            continue
        aside = ":aside" if kind in _ASIDE else ":look" if kind == "message" and _is_look(content) else ""
        message = content.get("message") if kind == "callback_query" else content
        if isinstance(message, Mapping) and isinstance(chat := message.get("chat"), Mapping):
            chat_id = _id(chat.get("id"))
            return f"{chat_id}:{_topic(message)}{aside}" if chat_id else NOWHERE
    return NOWHERE


def _is_look(message: Mapping[str, Any]) -> bool:
    """Return True for a command that does not wait; a forwarded one is a message like any other."""
    text = message.get("text")
    if not isinstance(text, str) or "forward_origin" in message or "via_bot" in message:
        return False
    name, _, _ = text.partition(" ")[0].split("\n")[0].removeprefix("/").partition("@")
    return text.startswith("/") and name.lower() in _LOOKING


def _topic(message: Mapping[str, Any]) -> int:
    topic = _id(message.get("message_thread_id")) if message.get("is_topic_message") else 0
    return 0 if topic == GENERAL_TOPIC else topic


def _id(value: object) -> int:
    """Return a valid Telegram id, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _IDS else 0
