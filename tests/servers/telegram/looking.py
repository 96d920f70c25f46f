"""What tests look at."""

import asyncio
import time
from base64 import b64decode
from collections.abc import Callable
from typing import Any, TypeVar

from tests.servers.telegram.records import Call, CallbackAnswer, Draft, Message
from tests.servers.telegram.runner import Runner

T = TypeVar("T")


class Looking(Runner):
    """What there is, and waiting for what is to come."""

    @property
    def token(self) -> str:
        """The bot's token, as long as it is not revoked."""
        return str(self.run("about")["token"])

    @property
    def bot(self) -> dict[str, Any]:
        """What getMe says."""
        return dict(self.run("about")["bot"])

    @property
    def chat_ids(self) -> list[int]:
        """All chats there are."""
        return list(self.run("about")["chats"])

    def messages(self, chat_id: int, last: int | None = None) -> list[Message]:
        """Return the messages of a chat, people's and deleted ones too, oldest first."""
        return [_message(shown) for shown in self.run("messages", chat_id=chat_id, last=last)]

    def answers(self, chat_id: int) -> list[Message]:
        """Return the bot's messages that are not deleted."""
        return [message for message in self.messages(chat_id) if message.from_bot and not message.deleted]

    def drafts(self, chat_id: int, last: int | None = None) -> list[Draft]:
        """Return every frame of what was being written, oldest first."""
        return [Draft(**draft) for draft in self.run("drafts", chat_id=chat_id, last=last)]

    def calls(self, method: str | None = None) -> list[Call]:
        """Return the calls that have ended, in the order in which they did."""
        return [Call(**call) for call in self.run("calls", method=method)]

    @property
    def pending(self) -> dict[int, Any]:
        """The updates that are not acknowledged, by id."""
        return {int(number): update for number, update in self.run("updates")["pending"]}

    @property
    def acknowledged(self) -> list[int]:
        """The ids of updates that are, oldest first."""
        return list(self.run("updates")["acknowledged"])

    @property
    def commands(self) -> dict[tuple[str, str], list[dict[str, str]]]:
        """The commands by scope (`default`, `chat:1`) and language (empty for all)."""
        return {(scope, language): known for scope, language, known in self.run("commands")}

    @property
    def callback_answers(self) -> list[CallbackAnswer]:
        """What the bot said to presses of buttons."""
        return [CallbackAnswer(**answer) for answer in self.run("callback_answers")]

    def wait_for(self, predicate: Callable[[], T], seconds: float = 100.0) -> T:
        """Return what `predicate` says as soon as it is true; it is asked after every change.

        It is also asked ten times a second: it may look at other servers.
        """
        until = time.monotonic() + seconds
        while True:
            version = self.run("version")
            found = predicate()
            if found:
                return found
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"It did not happen within {seconds} s.")
            self.run("changed", version=version, seconds=min(left, 0.1))

    async def until(self, predicate: Callable[[], T], seconds: float = 100.0) -> T:
        """Do the same without blocking the event loop."""
        return await asyncio.to_thread(self.wait_for, predicate, seconds)


def _message(shown: dict[str, Any]) -> Message:
    reactions = {int(user_id): emoji for user_id, emoji in shown["user_reactions"].items()}
    content = b64decode(shown["content"])
    return Message(**(shown | {"content": content, "user_reactions": reactions}))
