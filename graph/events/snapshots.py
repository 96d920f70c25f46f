"""A thread's latest turn, read from its checkpoint."""

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
"""How long a pending thread is left to the LangGraph server that runs it."""


def is_pending(snapshot: StateSnapshot) -> bool:
    """Return True when a turn has a step left; `next` omits a step that ran but is in no checkpoint."""
    return bool(snapshot.tasks)


def was_answered(snapshot: StateSnapshot, turn_id: str) -> bool:
    """Return True when the turn was answered and archived, not as an experiment."""
    archived = snapshot.values.get("archived")
    done = archived is not None and archived.turn_id == turn_id and not archived.experiment
    return done and not is_pending(snapshot)


def owner_of(snapshot: StateSnapshot) -> str:
    """Return the owner of the latest turn, from its message or its state."""
    return owner_in(snapshot.values, snapshot.metadata)


def owner_in(values: Mapping[str, Any], metadata: Mapping[str, Any] | None) -> str:
    """Return a checkpoint's owner: that of its turns, whoever sent the latest message.

    Before the first step there is no turn, and the message is in `__start__`.
    """
    message = _latest_human(values.get("messages") or (values.get("__start__") or {}).get("messages"))
    noted = note_of(message).get("owner") if message is not None else None
    turn = values.get("turn")
    return str((turn.owner if turn is not None else "") or noted or (metadata or {}).get("owner", ""))


def check_owner(snapshot: StateSnapshot, owner: str) -> None:
    """Raise `OwnerMismatch` when the thread belongs to another owner."""
    if (whose := owner_of(snapshot)) and whose != owner:
        raise OwnerMismatch("This thread belongs to another owner.")


def turn_id_of(snapshot: StateSnapshot) -> str:
    """Return the id of the latest turn, from its message: its state may not be written yet."""
    message = _latest_message(snapshot)
    return str(message.id) if message is not None else ""


def _latest_message(snapshot: StateSnapshot) -> BaseMessage | None:
    return _latest_human(snapshot.values.get("messages"))


def _latest_human(messages: Sequence[BaseMessage] | None) -> BaseMessage | None:
    return next((message for message in reversed(messages or []) if message.type == "human"), None)


def waiting_in(snapshot: StateSnapshot) -> Waiting | None:
    """Return the calls that need approval in the thread; None without any."""
    if not snapshot.interrupts:
        return None
    turn = snapshot.values["turn"]
    return Waiting(turn.turn_id, turn.owner, approvals(snapshot.interrupts))


def is_older_than(snapshot: StateSnapshot, age: timedelta) -> bool:
    """Return True when the checkpoint is older than `age`."""
    if not snapshot.created_at:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(snapshot.created_at) > age


def as_state(episode: Episode) -> State:
    """Convert an episode to the state of an answered turn."""
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
    """Return True when the latest message's owner is known, from its metadata or its turn."""
    message, turn = _latest_message(snapshot), snapshot.values.get("turn")
    if message is None:
        return False
    return bool(note_of(message).get("owner")) or (turn is not None and turn.turn_id == message.id)


def was_refused(snapshot: StateSnapshot) -> bool:
    """Return True when the latest message came from somebody who does not own the thread.

    The run's owner is not reliable: a LangGraph server puts the thread's metadata before the run's. A message
    with an owner is never refused, even if another person tried to run it.
    """
    refused = any(f"{OwnerMismatch.__name__}(" in repr(task.error) for task in snapshot.tasks if task.error)
    return refused and not is_owned(snapshot)


def is_run_by_server(snapshot: StateSnapshot) -> bool:
    """Return True when a LangGraph server may be running the thread: recent, and without errors."""
    if any(task.error for task in snapshot.tasks):
        return False
    if not snapshot.metadata or "assistant_id" not in snapshot.metadata or not snapshot.created_at:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(snapshot.created_at) < SERVER_GRACE
