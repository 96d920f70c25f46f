"""What a checkpoint says of a thread's latest turn."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.types import StateSnapshot

from graph.events.approval import approvals
from graph.events.turn_events import Waiting
from graph.state.circumstances import note_of
from graph.state.turn_state import Reply, State, Turn
from memory.errors import OwnerMismatch
from memory.models import Episode, Outcome

SERVER_GRACE = timedelta(minutes=10)
"""A pending thread of a LangGraph server is left to the server for this long."""


def is_pending(snapshot: StateSnapshot) -> bool:
    """Say whether a turn has a step left; `next` would leave out one that is done but in no checkpoint."""
    return bool(snapshot.tasks)


def answered(snapshot: StateSnapshot, turn_id: str) -> bool:
    """Say whether a turn stands there with its reply; that of an experiment is not what was answered."""
    archived = snapshot.values.get("archived")
    done = archived is not None and archived.turn_id == turn_id and not archived.experiment
    return done and not is_pending(snapshot)


def owner_of(snapshot: StateSnapshot) -> str:
    """Return whose turn the latest one is; the message stands there before the turn does."""
    return owner_in(snapshot.values, snapshot.metadata)


def owner_in(values: Mapping[str, Any], metadata: Mapping[str, Any] | None) -> str:
    """Return whose a checkpoint is; its input is not among the messages before the first step."""
    message = _latest_human(values.get("messages") or (values.get("__start__") or {}).get("messages"))
    noted = note_of(message).get("owner") if message is not None else None
    turn = values.get("turn")
    return str(noted or (turn.owner if turn is not None else "") or (metadata or {}).get("owner", ""))


def check_owner(snapshot: StateSnapshot, owner: str) -> None:
    """Raise `OwnerMismatch` when the thread is known to be another's."""
    if (whose := owner_of(snapshot)) and whose != owner:
        raise OwnerMismatch("This thread belongs to another owner.")


def turn_id_of(snapshot: StateSnapshot) -> str:
    """Return the id of the latest turn, also when no node has noted it yet."""
    message = _latest_message(snapshot)
    return str(message.id) if message is not None else ""


def _latest_message(snapshot: StateSnapshot) -> BaseMessage | None:
    return _latest_human(snapshot.values.get("messages"))


def _latest_human(messages: Sequence[BaseMessage] | None) -> BaseMessage | None:
    return next((message for message in reversed(messages or []) if message.type == "human"), None)


def waiting_in(snapshot: StateSnapshot) -> Waiting | None:
    """Return what waits for a person's word in the thread; None when nothing does."""
    if not snapshot.interrupts:
        return None
    turn = snapshot.values["turn"]
    return Waiting(turn.turn_id, turn.owner, approvals(snapshot.interrupts))


def is_older_than(snapshot: StateSnapshot, age: timedelta) -> bool:
    """Say whether nothing has happened in the thread for so long."""
    if not snapshot.created_at:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(snapshot.created_at) > age


def as_state(episode: Episode) -> State:
    """Return an archived turn as the state of a turn, with its reply."""
    outcome = next((Outcome(tag) for tag in episode.tags if tag in set(Outcome)), Outcome.ANSWERED)
    turn = Turn(
        turn_id=episode.turn_id,
        owner=episode.owner,
        thread=episode.thread,
        message=episode.message,
        parts=episode.parts,
        at=episode.at,
    )
    return {"messages": [], "turn": turn, "reply": Reply(text=episode.reply, outcome=outcome)}


def is_owned(snapshot: StateSnapshot) -> bool:
    """Say whether it is known whose the latest message is: it says so itself, or its turn has begun."""
    message, turn = _latest_message(snapshot), snapshot.values.get("turn")
    if message is None:
        return False
    return bool(note_of(message).get("owner")) or (turn is not None and turn.turn_id == message.id)


def was_refused(snapshot: StateSnapshot) -> bool:
    """Say whether the latest message was written by somebody whose thread it is not.

    Whose run it was stands nowhere else for sure: a LangGraph server puts the thread's metadata before the
    run's. A message of the owner's own stays one, whoever tried to have it answered.
    """
    refused = any(f"{OwnerMismatch.__name__}(" in repr(task.error) for task in snapshot.tasks if task.error)
    return refused and not is_owned(snapshot)


def of_server(snapshot: StateSnapshot) -> bool:
    """Say whether a LangGraph server may be at work on the thread: lately, and with no failure."""
    if any(task.error for task in snapshot.tasks):
        return False
    if not snapshot.metadata or "assistant_id" not in snapshot.metadata or not snapshot.created_at:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(snapshot.created_at) < SERVER_GRACE
