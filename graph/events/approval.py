"""Approval of tool calls, in the schema of LangChain's human-in-the-loop middleware."""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from langgraph.types import Interrupt

from graph.events.turn_events import Approval
from graph.exchange import Call
from graph.state.turn_state import Turn
from memory.text.text import clean, shortened

ABANDONED, BEGUN, REFUSED = "abandoned", "begun", "refused"
"""Status of a call, claimed so that it runs at most once and never after a refusal."""
_YES = {"yes", "y", "da", "d", "true", "approve", "approved", "accept", "ok"}
_NO = {"no", "n", "nu", "false", "reject", "rejected", "refuse"}
_LONGEST_REMARK = 500
_HUMAN_INTERRUPT = {
    "allow_accept": True,
    "allow_ignore": True,
    "allow_respond": True,
    "allow_edit": False,
}


class ApprovalAnswer(Enum):
    """The person's answer."""

    YES = "yes"
    NO = "no"
    ABANDONED = "abandoned"
    """No answer: the person sent another message."""


def question(call: Call, turn: Turn, reason: str, others: Sequence[str] = ()) -> dict[str, Any]:
    """Return the question to the person, with what this agent's front ends need.

    It has two schemas of LangChain: `HITLRequest`, and `HumanInterrupt`, which older chats show. Both name
    the other calls, since chats show one of several questions and answer all.
    """
    description, also = f"May {call.name} be run? Answer yes or no. It is asked because {reason}.", {}
    if named := "; ".join(others):
        description += f" The answer also counts for these calls, if they wait: {named}."
        also["also_answered_if_waiting"] = named
    request = {"name": call.name, "args": call.arguments, "description": description}
    return {
        "action_requests": [request],
        "review_configs": [{"action_name": call.name, "allowed_decisions": ["approve", "reject"]}],
        "action_request": {"action": call.name, "args": call.arguments | also},
        "config": _HUMAN_INTERRUPT,
        "description": description,
        "reason": reason,
        "turn_id": turn.turn_id,
        "owner": turn.owner,
        "key": call.key,
    }


def answer_of(said: Any) -> ApprovalAnswer:
    """Parse the value that a run is resumed with; anything but a clear yes is a no."""
    decision = _only_decision(said)
    if isinstance(decision, Mapping):
        decision = decision.get("approved", decision.get("type"))
    if decision == ABANDONED:
        return ApprovalAnswer.ABANDONED
    if decision is True or (isinstance(decision, str) and decision.strip().lower() in _YES):
        return ApprovalAnswer.YES
    return ApprovalAnswer.NO


def clear_answer(text: str) -> ApprovalAnswer | None:
    """Parse a message that may be an answer; None for any other message."""
    word = text.strip().strip(".!").lower()
    return ApprovalAnswer.YES if word in _YES else ApprovalAnswer.NO if word in _NO else None


def remark_of(said: Any) -> str:
    """Return the reason that the person gave with the answer, or ""."""
    decision = _only_decision(said)
    remark = decision.get("message", decision.get("args")) if isinstance(decision, Mapping) else None
    return shortened(clean(remark).strip(), _LONGEST_REMARK) if isinstance(remark, str) else ""


def answers_by_id(said: Any, waiting: Sequence[Interrupt]) -> dict[str, Any]:
    """Assign an answer to each waiting call: one for all, one each, or already by interrupt id.

    Raises:
        ValueError: there is another number of answers; says how many calls wait.
    """
    if isinstance(said, Mapping) and said and said.keys() <= {one.id for one in waiting}:
        for answer in said.values():
            _check_count(1, len(_decisions(answer)))
        return dict(said)
    answers = _decisions(said)
    if len(answers) == 1:
        answers *= len(waiting)
    _check_count(len(waiting), len(answers))
    return {one.id: answer for one, answer in zip(waiting, answers, strict=True)}


def _check_count(waiting: int, answers: int) -> None:
    if waiting != answers:
        calls = "One call waits" if waiting == 1 else f"{waiting} calls wait"
        how = (
            "Give one answer."
            if waiting == 1
            else "Give one for all, or one for each in the order of the calls."
        )
        raise ValueError(f"{calls} for approval, and there are {answers} answers. {how}")


def approvals(interrupts: Iterable[Interrupt]) -> list[Approval]:
    """Return the pending calls of interrupts."""
    asked = [(one.id, one.value) for one in interrupts if isinstance(one.value, Mapping)]
    return [
        Approval(
            id=id_,
            tool=str(request.get("name", "")),
            arguments=dict(request.get("args", {})),
            reason=str(value.get("reason", "")),
            key=str(value.get("key", "")),
        )
        for id_, value in asked
        for request in value.get("action_requests")
        or [{"name": value.get("tool", ""), "args": value.get("arguments", {})}]  # of an earlier version
    ]


def _only_decision(said: Any) -> Any:
    decisions = _decisions(said)
    return decisions[0] if len(decisions) == 1 else None


def _decisions(said: Any) -> list[Any]:
    """Return the answers in a resume value: LangChain's `decisions`, a list, or a single answer."""
    if isinstance(said, Mapping) and "decisions" in said:
        said = said["decisions"]
    return list(said) if isinstance(said, list | tuple) else [said]
