"""The control interface: operations by name, with JSON values."""

from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any

from tests.servers.telegram.faults import Fault, Faults
from tests.servers.telegram.flood import Flood
from tests.servers.telegram.people import NotThere, People
from tests.servers.telegram.records import Message
from tests.servers.telegram.state import State
from tests.servers.telegram.webhook import Deliverer

MESSAGE_FIELDS = tuple(field.name for field in fields(Message))


class Control:
    """Runs operations; only called in the server's own loop."""

    def __init__(self, state: State, faults: Faults, flood: Flood, deliverer: Deliverer) -> None:
        self._state = state
        self._faults = faults
        self._flood = flood
        self._deliverer = deliverer
        self._people = people = People(state)
        self._operations: dict[str, Callable[..., Any]] = {
            "opens_chat": people.opens_chat,
            "sends": people.sends,
            "sends_file": self._sends_file,
            "edits": people.edits,
            "presses": people.presses,
            "reacts": people.reacts,
            "blocks": people.blocks,
            "sets_bot_status": people.sets_bot_status,
            "migrates": people.migrates,
            "raw": state.updates.add_raw,
            "fault": self._fault,
            "clear_faults": faults.clear,
            "flood": flood.limit,
            "forget": self._forget,
            "webhook_backoff": self._webhook_backoff,
            "revoke": state.new_token,
            "about": self._about,
            "messages": self._messages,
            "drafts": self._drafts,
            "calls": self._calls,
            "updates": self._updates,
            "commands": self._commands,
            "callback_answers": self._callback_answers,
            "version": lambda: state.changes.version,
            "changed": state.changes.after,
        }

    async def run(self, operation: str, parameters: dict[str, Any]) -> Any:
        """Run an operation and return its result; `NotThere` if its object does not exist."""
        if operation not in self._operations:
            raise NotThere(f"There is no operation {operation!r}.")
        result = self._operations[operation](**parameters)
        return await result if isinstance(result, Awaitable) else result

    def _sends_file(self, chat_id: int, kind: str, content: str, **more: Any) -> tuple[int | None, int]:
        return self._people.sends_file(chat_id, kind, b64decode(content), **more)

    def _fault(self, **fault: Any) -> None:
        self._faults.add(Fault(**fault))

    def _forget(self) -> None:
        self._faults.clear(0)
        self._flood.limit()
        self._state.forget()

    def _webhook_backoff(self, first: float, most: float) -> None:
        self._deliverer.backoff = (first, most)

    def _about(self) -> dict[str, Any]:
        return {"token": self._state.token, "bot": self._state.bot, "chats": sorted(self._state.chats)}

    def _messages(self, chat_id: int, last: int | None = None) -> list[dict[str, Any]]:
        chat = self._state.chats.get(chat_id)
        messages = list(chat.messages.values()) if chat else []
        return [_message(message) for message in (messages if last is None else messages[-last:])]

    def _drafts(self, chat_id: int, last: int | None = None) -> list[dict[str, Any]]:
        chat = self._state.chats.get(chat_id)
        drafts = list(chat.drafts) if chat else []
        return [_plain(draft) for draft in (drafts if last is None else drafts[-last:])]

    def _calls(self, method: str | None = None) -> list[dict[str, Any]]:
        wanted = method and method.lower()
        return [_plain(call) for call in self._state.calls if wanted in {None, call.method.lower()}]

    def _updates(self) -> dict[str, Any]:
        updates = self._state.updates
        return {"pending": list(updates.pending.items()), "acknowledged": list(updates.acknowledged)}

    def _commands(self) -> list[Any]:
        return [[scope, language, known] for (scope, language), known in self._state.commands.items()]

    def _callback_answers(self) -> list[dict[str, Any]]:
        return [_plain(answer) for answer in self._state.callback_answers]


def _message(message: Message) -> dict[str, Any]:
    shown = {name: getattr(message, name) for name in MESSAGE_FIELDS}
    reactions = {str(user_id): emoji for user_id, emoji in message.user_reactions.items()}
    return shown | {"content": b64encode(message.content).decode(), "user_reactions": reactions}


def _plain(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}
