"""People's actions in their chats."""

from typing import Any

from tests.servers.telegram.chats import GENERAL, SUPERGROUPS, Chat, MessageIds, member
from tests.servers.telegram.entities import Entity, found
from tests.servers.telegram.records import Message
from tests.servers.telegram.sending import attachment
from tests.servers.telegram.state import BOT_ID, State, now


class NotThere(LookupError):
    """The chat, message or button does not exist."""


class People:
    """Everybody but the bot."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._queries = 0

    def opens_chat(
        self,
        chat_id: int,
        *,
        user_id: int | None = None,
        chat_type: str | None = None,
        language: str | None = None,
        name: str | None = None,
        topic: int | None = None,
    ) -> int:
        """Create the chat, its topic and its user if needed; return the id of the user."""
        user_id = user_id or abs(chat_id)
        stranger = {"id": user_id, "is_bot": False, "first_name": f"User {user_id}", "language_code": "en"}
        user = self._state.users.setdefault(user_id, stranger)
        user |= {"language_code": language} if language else {}
        user |= {"first_name": name} if name else {}
        kind = chat_type or ("private" if chat_id > 0 else "supergroup")
        ids = MessageIds() if chat_id < SUPERGROUPS else self._state.shared_ids
        chat = self._state.chats.setdefault(chat_id, Chat(chat_id, kind, f"Group {abs(chat_id)}", ids))
        chat.members.setdefault(user_id, "member")
        if topic is not None:
            chat.forum = chat.forum or not chat.private
            chat.topics |= {topic} - {GENERAL}
        self._state.changes.note()
        return user_id

    def sends(
        self,
        chat_id: int,
        kind: str,
        value: Any,
        *,
        caption: str = "",
        entities: list[Entity] | None = None,
        topic: int | None = None,
        reply_to: int | None = None,
        quote: str | None = None,
        content: bytes = b"",
        file_name: str = "",
        extra: dict[str, Any] | None = None,
        **person: Any,
    ) -> tuple[int | None, int]:
        """Send a message of any kind; return the ids of the update and the message."""
        user_id = self.opens_chat(chat_id, topic=topic, **person)
        chat = self._state.chats[chat_id]
        message = Message(
            chat_id=chat_id,
            message_id=chat.next_message_id(),
            from_bot=False,
            user_id=user_id,
            date=now(),
            text=caption,
            entities=found(caption) if entities is None else entities,
            topic=None if topic == GENERAL else topic,
            reply_to=reply_to,
            quote=quote,
            kind=kind,
            attachment=value,
            content=content,
            file_name=file_name,
            extra=extra or {},
        )
        chat.add(message)
        return self._state.updates.add("message", self._state.wire(message)), message.message_id

    def sends_file(
        self,
        chat_id: int,
        kind: str,
        content: bytes,
        *,
        file_name: str,
        mime_type: str,
        duration: int = 0,
        size: int | None = None,
        **more: Any,
    ) -> tuple[int | None, int]:
        """Send a file; `size` overrides its reported length."""
        file = self._state.files.add(content, kind=kind, name=file_name, size=size)
        value = attachment(kind, file, mime_type, duration)
        return self.sends(chat_id, kind, value, content=content, file_name=file_name, **more)

    def edits(self, chat_id: int, message_id: int, text: str) -> int | None:
        """Edit a person's message; return the id of the update."""
        message = self._message(chat_id, message_id)
        message.rewrite(text, found(text), now())
        return self._state.updates.add("edited_message", self._state.wire(message))

    def presses(
        self, chat_id: int, message_id: int, button: str, *, user_id: int | None = None, forged: bool = False
    ) -> int | None:
        """Press a button by its data or its label; forged data need not be on the keyboard."""
        message = self._message(chat_id, message_id)
        data = button if forged else _data(message, button)
        self._queries += 1
        query = {
            "id": str(4_000_000_000 + self._queries),
            "from": self._state.user(self.opens_chat(chat_id, user_id=user_id)),
            "message": self._state.wire(message),
            "chat_instance": str(chat_id),
            "data": data,
        }
        self._state.remember_query(query)
        return self._state.updates.add("callback_query", query)

    def reacts(self, chat_id: int, message_id: int, emoji: str, *, user_id: int | None = None) -> int | None:
        """React to a message; without an emoji, remove the reaction."""
        message = self._message(chat_id, message_id)
        user_id = self.opens_chat(chat_id, user_id=user_id)
        before = message.user_reactions.pop(user_id, "")
        if emoji:
            message.user_reactions[user_id] = emoji
        reaction = {
            "chat": self._state.chat_wire(self._state.chats[chat_id]),
            "message_id": message_id,
            "user": self._state.user(user_id),
            "date": now(),
            "old_reaction": _reactions(before),
            "new_reaction": _reactions(emoji),
        }
        self._state.changes.note()
        return self._state.updates.add("message_reaction", reaction)

    def blocks(self, user_id: int, *, blocked: bool) -> int | None:
        """Block the bot in the private chat, or unblock it."""
        self.opens_chat(user_id)
        chat = self._state.chats[user_id]
        before, chat.blocked = _standing(blocked=chat.blocked), blocked
        return self._membership(chat, user_id, before, _standing(blocked=blocked))

    def sets_bot_status(self, chat_id: int, status: str) -> int | None:
        """Make the bot a member or an administrator of a group, or remove it (`kicked`, `left`)."""
        user_id = self.opens_chat(chat_id)
        chat = self._state.chats[chat_id]
        before, chat.bot_status = chat.bot_status, status
        return self._membership(chat, user_id, before, status)

    def _membership(self, chat: Chat, user_id: int, before: str, after: str) -> int | None:
        bot = self._state.user(BOT_ID)
        change = {
            "chat": self._state.chat_wire(chat),
            "from": self._state.user(user_id),
            "date": now(),
            "old_chat_member": member(bot, before),
            "new_chat_member": member(bot, after),
        }
        self._state.changes.note()
        return self._state.updates.add("my_chat_member", change)

    def migrates(self, chat_id: int, new_id: int) -> int | None:
        """Upgrade a group to a supergroup with another id."""
        user_id = self.opens_chat(chat_id)
        self.opens_chat(new_id, user_id=user_id, chat_type="supergroup")
        update_id, _ = self.sends(chat_id, "migrate_to_chat_id", new_id, user_id=user_id)
        self.sends(new_id, "migrate_from_chat_id", chat_id, user_id=user_id)
        self._state.chats[chat_id].migrated_to = new_id
        return update_id

    def _message(self, chat_id: int, message_id: int) -> Message:
        chat = self._state.chats.get(chat_id)
        message = chat.message(message_id) if chat else None
        if message is None:
            raise NotThere(f"There is no message {message_id} in chat {chat_id}.")
        return message


def _data(message: Message, wanted: str) -> str:
    by_data = [button.data for button in message.buttons if button.data == wanted]
    by_label = [button.data for button in message.buttons if button.text == wanted and button.data]
    for data in by_data + by_label:
        if data is not None:
            return data
    labels = [button.text for button in message.buttons]
    raise NotThere(f"Message {message.message_id} has no button {wanted!r}, only {labels}.")


def _reactions(emoji: str) -> list[dict[str, str]]:
    return [{"type": "emoji", "emoji": emoji}] if emoji else []


def _standing(*, blocked: bool) -> str:
    return "kicked" if blocked else "member"
