"""Which turn a run is: whose, in which thread, which message, when."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Any

from langchain_core.messages import AnyMessage, BaseMessage, HumanMessage
from langgraph.runtime import Runtime

from graph.settings.context import TurnContext
from graph.state.thread_ids import thread_id
from graph.state.turn_state import State, Turn
from memory.errors import EmptyMessage, OwnerMismatch
from memory.provenance import Carrier, Part, plain, read_parts, said
from memory.text.text import clean

ANOTHERS = "This thread belongs to another owner. Leave `owner` empty to go on in it, or start a new thread."
_NOTE = "goat"
"""Key in a message's `additional_kwargs` under which owner, time and circumstances travel with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of a message beside its text."""

    at: datetime | None = None
    """When it was sent; now, when nobody says."""
    parts: Sequence[Part] = ()
    """What came with it and is not the owner's own word, and what it replies to."""
    tags: Sequence[str] = ()
    """Noted in the archive."""
    private: bool = False
    """Nothing of the turn is kept."""


PLAIN = Circumstances()


def reply_id(turn_id: str) -> str:
    """Return the id of the message that answers a turn."""
    return f"reply-{turn_id}"


def user_message(
    text: str, *, turn_id: str, owner: str, at: datetime, about: Circumstances = PLAIN
) -> HumanMessage:
    """Make the message that begins a turn, with all that is needed to do the turn again after a crash."""
    note: dict[str, Any] = {"owner": owner, "at": at.isoformat()}
    if about.parts:
        note["parts"] = plain([_clean(part) for part in about.parts])
    if about.tags:
        note["tags"] = list(about.tags)
    if about.private:
        note["private"] = True
    return HumanMessage(clean(text), id=turn_id, additional_kwargs={_NOTE: note})


@dataclass(frozen=True, slots=True)
class TurnReader:
    """Read off a run which turn it is."""

    default_owner: str
    clock: Callable[[], datetime]

    def __call__(self, state: State, runtime: Runtime[TurnContext]) -> Turn:
        """Return the turn that `state` is about, in the thread that is being run.

        Raises:
            EmptyMessage: the last message is not the user's, or holds no text.
            OwnerMismatch: the thread belongs to another owner than the one asked for.
        """
        message = _last_message(state)
        owner = self._owner(state, runtime.context, note_of(message))
        running = runtime.execution_info
        thread = (running.thread_id if running else None) or thread_id("no thread", owner)
        return self.of(message, owner, thread)

    def of(self, message: BaseMessage, owner: str, thread: str) -> Turn:
        """Return the turn that a message begins in a thread of the owner."""
        note = note_of(message)
        return Turn(
            turn_id=str(message.id),
            owner=owner,
            thread=thread,
            message=clean(message.text),
            at=_time(note) or self.clock(),
            parts=parts_of(message),
            tags=_texts(note, "tags"),
            private=note.get("private") is True,
        )

    def _owner(self, state: State, context: TurnContext, note: Mapping[str, Any]) -> str:
        earlier = state["turn"].owner if "turn" in state else ""
        claims = {name for name in (earlier, _text(note, "owner"), context.owner) if name}
        if len(claims) > 1:
            raise OwnerMismatch(ANOTHERS)
        return claims.pop() if claims else self.default_owner


def dated(state: State, at: datetime | None) -> State:
    """Return `state` with a last message that says when it came in, if it does not say so itself."""
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
    if not clean(messages[-1].text).strip() and is_empty(parts_of(messages[-1])):
        raise EmptyMessage("The message is empty. Write something to answer.")
    return messages[-1]


def note_of(message: BaseMessage) -> Mapping[str, Any]:
    """Return what travels with the message; others may have written there what is not ours."""
    note = message.additional_kwargs.get(_NOTE)
    return note if isinstance(note, Mapping) else {}


def parts_of(message: BaseMessage) -> tuple[Part, ...]:
    """Return what came with a message; an earlier version noted a quotation alone."""
    note = note_of(message)
    quote = _text(note, "quote")
    earlier = (Part(text=quote, carrier=Carrier.QUOTED),) if quote else ()
    return (*earlier, *map(_clean, read_parts(note.get("parts", ()))))


def said_by(message: BaseMessage) -> str:
    """Return what a message says, with what came along."""
    return said(message.text, parts_of(message))


def is_empty(parts: Sequence[Part]) -> bool:
    """Say whether parts hold nothing to answer."""
    return not any(part.text.strip() for part in parts if part.carrier is not Carrier.NAME)


def _clean(part: Part) -> Part:
    return replace(part, text=clean(part.text), source=clean(part.source))


def _text(note: Mapping[str, Any], key: str) -> str:
    value = note.get(key)
    return value if isinstance(value, str) else ""


def _texts(note: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = note.get(key)
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()


def _time(note: Mapping[str, Any]) -> datetime | None:
    """Return when the message came in, unless that is on the edge of the calendar, where no zone has it."""
    try:
        at = datetime.fromisoformat(_text(note, "at"))
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if MINYEAR < at.year < MAXYEAR else None
