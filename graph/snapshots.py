"""What a checkpoint says of a thread's latest turn."""

from datetime import UTC, datetime, timedelta

from langgraph.types import StateSnapshot

from graph.state import Reply, State, Turn
from memory.models import Episode, Outcome

SERVER_GRACE = timedelta(minutes=10)
"""A pending thread of a LangGraph server is left to the server for this long."""


def is_pending(snapshot: StateSnapshot) -> bool:
    """Say whether a turn has a step left; `next` would leave out one that is done but in no checkpoint."""
    return bool(snapshot.tasks)


def answered(snapshot: StateSnapshot, turn_id: str) -> bool:
    turn = snapshot.values.get("turn")
    return turn is not None and turn.turn_id == turn_id and not is_pending(snapshot)


def as_state(episode: Episode) -> State:
    """Return an archived turn as the state of a turn, with its reply."""
    outcome = next((Outcome(tag) for tag in episode.tags if tag in set(Outcome)), Outcome.ANSWERED)
    turn = Turn(
        turn_id=episode.turn_id,
        owner=episode.owner,
        thread=episode.thread,
        message=episode.message,
        at=episode.at,
    )
    return {"messages": [], "turn": turn, "reply": Reply(text=episode.reply, outcome=outcome)}


def of_server(snapshot: StateSnapshot) -> bool:
    """Say whether a LangGraph server may be at work on the thread: lately, and with no failure."""
    if any(task.error for task in snapshot.tasks):
        return False
    if not snapshot.metadata or "assistant_id" not in snapshot.metadata or not snapshot.created_at:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(snapshot.created_at) < SERVER_GRACE
