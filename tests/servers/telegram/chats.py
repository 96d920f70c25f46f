"""Chats and the people in them."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.servers.telegram.records import Draft, Message
from tests.servers.telegram.refusals import Refused, bad_request, forbidden

MAX_MESSAGES = 5_000
MAX_DRAFTS = 2_000
SUPERGROUPS = -(10**12)
"""Ids of supergroups are lower; each counts its messages for itself, the other chats of a bot together."""
GENERAL = 1
"""The topic of a forum for messages without a topic."""
ADMIN_RIGHTS = (
    "can_be_edited",
    "is_anonymous",
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_pin_messages",
    "can_manage_topics",
)


@dataclass(slots=True)
class MessageIds:
    """The latest message id of a chat, or of the chats that share their ids."""

    latest: int = 0


@dataclass(slots=True)
class Chat:
    """A private chat, or a group with a negative id."""

    id: int
    type: str
    title: str
    ids: MessageIds
    forum: bool = False
    topics: set[int] = field(default_factory=set)
    messages: dict[int, Message] = field(default_factory=dict)
    drafts: deque[Draft] = field(default_factory=lambda: deque(maxlen=MAX_DRAFTS))
    members: dict[int, str] = field(default_factory=dict)
    """The status of each user seen here."""
    bot_status: str = "member"
    blocked: bool = False
    migrated_to: int | None = None

    @property
    def private(self) -> bool:
        """Whether it is a private chat."""
        return self.type == "private"

    def next_message_id(self) -> int:
        """Return the next message id."""
        self.ids.latest += 1
        return self.ids.latest

    def add(self, message: Message) -> None:
        """Store a message; beyond the limit, the oldest are dropped."""
        self.messages[message.message_id] = message
        while len(self.messages) > MAX_MESSAGES:
            del self.messages[next(iter(self.messages))]

    def message(self, number: int) -> Message | None:
        """Return a message that exists and is not deleted."""
        found = self.messages.get(number)
        return None if found is None or found.deleted else found

    def check_writable(self) -> None:
        """Refuse a bot that may not write here."""
        if self.migrated_to is not None:
            description = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refused(400, description, migrate_to_chat_id=self.migrated_to)
        if self.blocked:
            raise forbidden("bot was blocked by the user")
        if self.bot_status == "kicked":
            raise forbidden(f"bot was kicked from the {self.type} chat")
        if self.bot_status == "left":
            raise forbidden(f"bot is not a member of the {self.type} chat")

    def check_topic(self, topic: int | None) -> None:
        """Refuse a missing topic; General must be left out."""
        if topic is not None and (topic == GENERAL or topic not in self.topics):
            raise bad_request("message thread not found")

    def wire(self, user: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return it in the Bot API's form."""
        if self.private:
            name = {"first_name": user["first_name"]} if user else {}
            return {"id": self.id, "type": self.type, **name}
        forum = {"is_forum": True} if self.forum else {}
        return {"id": self.id, "type": self.type, "title": self.title, **forum}


def member(user: dict[str, Any], status: str) -> dict[str, Any]:
    """Return a user's membership of a chat in the Bot API's form."""
    shown: dict[str, Any] = {"user": user, "status": status}
    if status == "administrator":
        return shown | dict.fromkeys(ADMIN_RIGHTS, False)
    more: dict[str, dict[str, Any]] = {"creator": {"is_anonymous": False}, "kicked": {"until_date": 0}}
    return shown | more.get(status, {})
