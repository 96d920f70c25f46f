"""Which turn a run is: whose, in which thread, which message, when."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.runtime import Runtime

from graph.context import TurnContext
from graph.state import State, Turn
from memory.errors import EmptyMessage, OwnerMismatch
from memory.text import clean

_NAMESPACE = uuid.UUID("6e6f7461-676f-5a74-8a32-2e30676f6174")
_NOTE = "goat"
"""Key in a message's `additional_kwargs` under which owner and time travel with it."""


def thread_id(*names: str) -> str:
    """Derive a thread's id from the names of its channel, such as ("terminal", "me", "2")."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps(names)))


def reply_id(turn_id: str) -> str:
    """Return the id of the message that answers a turn."""
    return f"reply-{turn_id}"


def user_message(text: str, *, turn_id: str, owner: str, at: datetime) -> HumanMessage:
    """Make the message that begins a turn, with all that is needed to do the turn again after a crash."""
    note = {"owner": owner, "at": at.isoformat()}
    return HumanMessage(clean(text), id=turn_id, additional_kwargs={_NOTE: note})


@dataclass(frozen=True, slots=True)
class TurnReader:
    """Read off a run which turn it is."""

    default_owner: Callable[[], str]
    clock: Callable[[], datetime]

    def __call__(self, state: State, runtime: Runtime[TurnContext]) -> Turn:
        """Return the turn that `state` is about, in the thread that is being run.

        Raises:
            EmptyMessage: the last message is not the user's, or holds no text.
            OwnerMismatch: the thread belongs to another owner than the one asked for.
        """
        message = _last_message(state)
        note = _note(message)
        owner = self._owner(state, runtime.context, note)
        running = runtime.execution_info
        return Turn(
            turn_id=str(message.id),
            owner=owner,
            thread=(running.thread_id if running else None) or thread_id("no thread", owner),
            message=clean(message.text),
            at=_time(note) or self.clock(),
        )

    def _owner(self, state: State, context: TurnContext, note: Mapping[str, str]) -> str:
        earlier = state["turn"].owner if "turn" in state else ""
        claims = {name for name in (earlier, note.get("owner", ""), context.owner) if name}
        if len(claims) > 1:
            raise OwnerMismatch(
                "This thread belongs to another owner. Leave `owner` empty to go on in it, "
                "or start a new thread."
            )
        return claims.pop() if claims else self.default_owner()


def _last_message(state: State) -> BaseMessage:
    messages = state.get("messages", [])
    if not messages or messages[-1].type != "human":
        raise EmptyMessage("There is no message to answer: the last message must be the user's.")
    if not clean(messages[-1].text).strip():
        raise EmptyMessage("The message is empty. Write something to answer.")
    return messages[-1]


def _note(message: BaseMessage) -> dict[str, str]:
    """Return what travels with the message; what others wrote there and is not ours is left out."""
    note = message.additional_kwargs.get(_NOTE)
    if not isinstance(note, Mapping):
        return {}
    return {key: value for key, value in note.items() if isinstance(value, str)}


def _time(note: Mapping[str, str]) -> datetime | None:
    try:
        at = datetime.fromisoformat(note.get("at", ""))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
