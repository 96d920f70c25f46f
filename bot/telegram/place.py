"""Chat and topic of an update, and the lane they belong to."""

from dataclasses import dataclass

from telegram import Message, Update

from bot.telegram.raw_update import GENERAL_TOPIC

_SUPERGROUPS = -(10**12)
"""Ids of supergroups are lower. Each has its own message ids; the bot's other chats share theirs."""


@dataclass(frozen=True, slots=True)
class Place:
    """A chat or one of its topics."""

    chat_id: int
    topic: int = 0
    """0 for the general topic and for chats without topics."""
    private: bool = True

    @property
    def lane(self) -> str:
        """Return the name of its lane."""
        return f"{self.chat_id}:{self.topic}"

    @property
    def has_own_ids(self) -> bool:
        """Return True if message ids are counted for this chat alone."""
        return self.chat_id < _SUPERGROUPS


def place_of(message: Message) -> Place:
    """Return a message's chat and topic."""
    topic = (message.message_thread_id or 0) if message.is_topic_message else 0
    private = message.chat.type == message.chat.PRIVATE
    return Place(message.chat.id, 0 if topic == GENERAL_TOPIC else topic, private)


def place_of_lane(lane: str) -> Place:
    """Return the chat and topic of a lane's name."""
    chat_id, _, topic = lane.partition(":")
    return Place(int(chat_id), int(topic or 0), int(chat_id) > 0)


def update_place(update: Update) -> Place | None:
    """Return an update's chat and topic; None if it has no chat."""
    if isinstance(update.effective_message, Message):
        return place_of(update.effective_message)
    chat = update.effective_chat
    return Place(chat.id, 0, chat.type == chat.PRIVATE) if chat else None
