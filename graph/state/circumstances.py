"""A turn's identity, read from its run: owner, thread, message and time; ids of threads."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langgraph.runtime import Runtime

from graph.settings.context import TurnContext
from graph.state.turn_state import State, Turn
from memory.errors import EmptyMessage, OwnerMismatch
from memory.provenance import Carrier, Part, plain, read_parts, said
from memory.text.text import clean

_NAMESPACE = uuid.UUID("6e6f7461-676f-5a74-8a32-2e30676f6174")

OTHER_OWNER = (
    "This thread belongs to another owner. Leave `owner` empty to continue it, or start a new thread."
)
_NOTE = "goat"
"""Key in a message's `additional_kwargs` that carries owner, time and circumstances."""


def thread_id(*names: str) -> str:
    """Derive a thread's id from the names of its channel, such as ("terminal", "me", "2")."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps(names)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """A message's metadata."""

    at: datetime | None = None
    """When the message was sent; None: now."""
    parts: Sequence[Part] = ()
    """Text that is not the owner's own: attachments, quotations, names, the message replied to."""
    tags: Sequence[str] = ()
    """Stored with the episode."""
    private: bool = False
    """Store nothing of the turn."""
    answer: str | None = None
    """The reply, if not the model's; empty: the memories that are found."""


PLAIN = Circumstances()


def reply_id(turn_id: str, rounds: int = 0) -> str:
    """Return the id of the message that the model writes after `rounds` rounds of tool calls."""
    return f"reply-{turn_id}-{rounds}" if rounds else f"reply-{turn_id}"


def has_reply(messages: Sequence[AnyMessage], turn_id: str) -> bool:
    """Return True when a turn's reply is among `messages`; requests for tools are none."""
    own = reply_id(turn_id)
    named = [one for one in messages if one.id and (one.id == own or one.id.startswith(f"{own}-"))]
    return any(isinstance(one, AIMessage) and not one.tool_calls for one in named)


def user_message(
    text: str, *, turn_id: str, owner: str, at: datetime, about: Circumstances = PLAIN
) -> HumanMessage:
    """Make the message that begins a turn, with all that is needed to run the turn again after a crash."""
    note: dict[str, Any] = {"owner": owner, "at": at.isoformat()}
    if about.parts:
        note["parts"] = plain([_clean(part) for part in about.parts])
    if about.tags:
        note["tags"] = list(about.tags)
    if about.private:
        note["private"] = True
    if about.answer is not None:
        note["answer"] = clean(about.answer)
    return HumanMessage(clean(text), id=turn_id, additional_kwargs={_NOTE: note})


@dataclass(frozen=True, slots=True)
class TurnReader:
    """Builds the `Turn` of a run from its state and context."""

    default_owner: str
    clock: Callable[[], datetime]

    def __call__(self, state: State, runtime: Runtime[TurnContext]) -> Turn:
        """Return the turn of `state`, in the thread of the run.

        Raises:
            EmptyMessage: the last message is not the user's, or has no text.
            OwnerMismatch: the thread belongs to another owner than the context names.
        """
        message = _last_message(state)
        earlier = state["turn"].owner if "turn" in state else ""
        claims = {name for name in (earlier, _text(note_of(message), "owner"), runtime.context.owner) if name}
        if len(claims) > 1:
            raise OwnerMismatch(OTHER_OWNER)
        owner = claims.pop() if claims else self.default_owner
        running = runtime.execution_info
        thread = (running.thread_id if running else None) or thread_id("no thread", owner)
        return self.of(message, owner, thread)

    def of(self, message: BaseMessage, owner: str, thread: str) -> Turn:
        """Return the turn that `message` begins."""
        note = note_of(message)
        tags = note.get("tags")
        return Turn(
            turn_id=str(message.id),
            owner=owner,
            thread=thread,
            message=clean(text_of(message)),
            at=_time(note) or self.clock(),
            parts=parts_of(message),
            tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
            private=note.get("private") is True,
            answer=_text(note, "answer") if "answer" in note else None,
        )


def with_time(state: State, at: datetime | None) -> State:
    """Return `state` with the time `at` added to its last message, unless the message has one."""
    if at is None:
        return state
    message = _last_message(state)
    note = note_of(message)
    if _time(note) is not None:
        return state
    noted = {**message.additional_kwargs, _NOTE: {**note, "at": at.isoformat()}}
    messages = [*state["messages"][:-1], message.model_copy(update={"additional_kwargs": noted})]
    return {**state, "messages": messages}


def _last_message(state: State) -> AnyMessage:
    messages = state.get("messages", [])
    if not messages or messages[-1].type != "human":
        raise EmptyMessage("There is no message to answer: the last message must be the user's.")
    if not clean(text_of(messages[-1])).strip() and is_empty(parts_of(messages[-1])):
        raise EmptyMessage("The message is empty. Write something to answer.")
    return messages[-1]


def note_of(message: BaseMessage) -> Mapping[str, Any]:
    """Return a message's metadata; empty when another program wrote something else under the key."""
    note = message.additional_kwargs.get(_NOTE)
    return note if isinstance(note, Mapping) else {}


def parts_of(message: BaseMessage) -> tuple[Part, ...]:
    """Return a message's parts; earlier versions stored only a quotation, under `quote`."""
    note = note_of(message)
    quote = _text(note, "quote")
    earlier = (Part(text=quote, carrier=Carrier.QUOTED),) if quote else ()
    return (*earlier, *map(_clean, read_parts(note.get("parts", ()))))


def text_of(message: BaseMessage) -> str:
    """Return a message's text, each block from a new line; LangChain's `text` runs them together."""
    if isinstance(message.content, str):
        return message.content
    texts = (
        block if isinstance(block, str) else _text(block, "text") if block.get("type") == "text" else ""
        for block in message.content
    )
    return "\n".join(text for text in texts if text)


def text_with_parts(message: BaseMessage) -> str:
    """Return a message's text with its parts."""
    return said(text_of(message), parts_of(message))


def is_empty(parts: Sequence[Part]) -> bool:
    """Return True when the parts hold no text to answer."""
    return not any(part.text.strip() for part in parts if part.carrier is not Carrier.NAME)


def _clean(part: Part) -> Part:
    return replace(part, text=clean(part.text), source=clean(part.source))


def _text(note: Mapping[str, Any], key: str) -> str:
    value = note.get(key)
    return value if isinstance(value, str) else ""


def _time(note: Mapping[str, Any]) -> datetime | None:
    """Return a message's time in UTC; None at the ends of the calendar, where other zones overflow."""
    try:
        at = datetime.fromisoformat(_text(note, "at"))
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if MINYEAR < at.year < MAXYEAR else None
