"""The server's state."""

import time
from collections import deque
from typing import Any

from tests.servers.telegram import utf16
from tests.servers.telegram.body import Parameters
from tests.servers.telegram.changes import Changes
from tests.servers.telegram.chats import Chat, MessageIds
from tests.servers.telegram.files import Files
from tests.servers.telegram.records import Call, CallbackAnswer, Message
from tests.servers.telegram.refusals import bad_request
from tests.servers.telegram.updates import Updates

BOT_ID = 777000777
TOKEN = f"{BOT_ID}:TEST-token-of-the-bot-api-server-{{:06d}}"
MAX_CALLS = 20_000
MAX_QUERIES = 1_000
Command = dict[str, str]


class State:
    """The bot, its chats, its updates and its calls."""

    def __init__(self) -> None:
        self._tokens = 0
        self.token = TOKEN.format(0)
        self.changes = Changes()
        self.updates = Updates(self.changes)
        self.files = Files()
        self.chats: dict[int, Chat] = {}
        self.shared_ids = MessageIds()
        self.users: dict[int, dict[str, Any]] = {}
        self.commands: dict[tuple[str, str], list[Command]] = {}
        self.calls: deque[Call] = deque(maxlen=MAX_CALLS)
        self.queries: dict[str, dict[str, Any]] = {}
        """Callback queries by id."""
        self.callback_answers: deque[CallbackAnswer] = deque(maxlen=MAX_CALLS)
        self.webhook: dict[str, Any] = {}
        self.bot: dict[str, Any] = {
            "id": BOT_ID,
            "is_bot": True,
            "first_name": "GOAT",
            "username": "goat_test_bot",
            "can_join_groups": True,
            "can_read_all_group_messages": True,
            "supports_inline_queries": False,
            "has_topics_enabled": False,
        }

    def forget(self) -> None:
        """Forget chats and calls; the bot's settings and the update ids stay."""
        self.changes.interrupt()
        self.updates.drop_all()
        self.updates.acknowledged.clear()
        self.files = Files()
        for kept in (self.chats, self.users, self.calls, self.queries, self.callback_answers):
            kept.clear()

    def new_token(self) -> str:
        """Revoke the token and return its successor."""
        self._tokens += 1
        self.token = TOKEN.format(self._tokens)
        return self.token

    def chat(self, parameters: Parameters) -> Chat:
        """Return the chat of a call, or refuse it."""
        given = parameters.text("chat_id")
        if not given:
            raise bad_request("chat_id is empty")
        chat = self.chats.get(int(given)) if given.lstrip("-").isdecimal() else None
        if chat is None:
            raise bad_request("chat not found")
        return chat

    def writable_chat(self, parameters: Parameters) -> Chat:
        """Return the chat that a call writes to, or refuse it."""
        chat = self.chat(parameters)
        chat.check_writable()
        return chat

    def remember_query(self, query: dict[str, Any]) -> None:
        """Store a callback query until it is answered; beyond the limit, the oldest are dropped."""
        self.queries[query["id"]] = query
        while len(self.queries) > MAX_QUERIES:
            del self.queries[next(iter(self.queries))]

    def user(self, user_id: int) -> dict[str, Any]:
        """Return a user in the Bot API's form."""
        if user_id == BOT_ID:
            return {key: self.bot[key] for key in ("id", "is_bot", "first_name", "username")}
        return self.users[user_id]

    def chat_wire(self, chat: Chat) -> dict[str, Any]:
        """Return a chat in the Bot API's form."""
        return chat.wire(self.users.get(chat.id))

    def wire(self, message: Message, *, nested: bool = False) -> dict[str, Any]:
        """Return a message in the Bot API's form; a replied message is shown without its own reply."""
        shown: dict[str, Any] = {
            "message_id": message.message_id,
            "date": message.date,
            "chat": self.chat_wire(self.chats[message.chat_id]),
            "from": self.user(message.user_id),
        }
        shown |= _content(message)
        if message.edit_date is not None:
            shown["edit_date"] = message.edit_date
        if message.topic is not None:
            shown |= {"message_thread_id": message.topic, "is_topic_message": True}
        if message.keyboard:
            shown["reply_markup"] = {"inline_keyboard": message.keyboard}
        if not nested:
            shown |= self._reply(message)
        return shown | message.extra

    def _reply(self, message: Message) -> dict[str, Any]:
        original = self.chats[message.chat_id].messages.get(message.reply_to or 0)
        if original is None:
            return {}
        shown: dict[str, Any] = {"reply_to_message": self.wire(original, nested=True)}
        if message.quote:
            before = original.text.partition(message.quote)[0]
            shown["quote"] = {"text": message.quote, "position": utf16.length(before), "is_manual": True}
        return shown


def _content(message: Message) -> dict[str, Any]:
    if message.kind == "text":
        return _said("text", "entities", message)
    attached: dict[str, Any] = {message.kind: message.attachment} if message.attachment is not None else {}
    return attached | (_said("caption", "caption_entities", message) if message.text else {})


def _said(text: str, entities: str, message: Message) -> dict[str, Any]:
    return {text: message.text} | ({entities: message.entities} if message.entities else {})


def now() -> int:
    """Return the time in the Bot API's form."""
    return int(time.time())
