"""Approval of tool calls: the question in the interrupt, and the person's answer."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from langgraph.types import Interrupt

from graph.events.turn_events import Approval
from graph.exchange import Call
from graph.state.turn_state import Turn

ABANDONED, BEGUN, REFUSED = "abandoned", "begun", "refused"
"""Status of a call, claimed so that it runs at most once and never after a refusal."""
_YES = {"yes", "y", "da", "d", "true", "approve", "approved", "accept", "ok"}


class Answer(Enum):
    """The person's answer."""

    YES = "yes"
    NO = "no"
    ABANDONED = "abandoned"
    """None: the person sent another message."""


def question(call: Call, turn: Turn, reason: str) -> dict[str, Any]:
    """Return the question to the person as plain JSON; Studio shows it unchanged."""
    return {
        "question": f"May {call.name} be run? Answer yes or no.",
        "tool": call.name,
        "arguments": call.arguments,
        "reason": reason,
        "turn_id": turn.turn_id,
        "owner": turn.owner,
        "key": call.key,
    }


def answer_of(said: Any) -> Answer:
    """Parse the value that a run is resumed with; anything but a clear yes is a no."""
    if isinstance(said, list | tuple) and len(said) == 1:
        said = said[0]
    if isinstance(said, Mapping):
        said = said.get("approved", said.get("type"))
    if said == ABANDONED:
        return Answer.ABANDONED
    if said is True or (isinstance(said, str) and said.strip().lower() in _YES):
        return Answer.YES
    return Answer.NO


def approvals(interrupts: Iterable[Interrupt]) -> list[Approval]:
    """Return the pending calls of interrupts."""
    asked = [(one.id, one.value) for one in interrupts if isinstance(one.value, Mapping)]
    return [
        Approval(
            id=id_,
            tool=str(value.get("tool", "")),
            arguments=dict(value.get("arguments", {})),
            reason=str(value.get("reason", "")),
            key=str(value.get("key", "")),
        )
        for id_, value in asked
    ]
