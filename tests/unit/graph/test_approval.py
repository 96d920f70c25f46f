"""Answers to the question whether a tool may be run, as front ends and LangChain's clients give them."""

from typing import Any

import pytest
from langgraph.types import Interrupt

from graph.events.approval import ABANDONED, ApprovalAnswer, answer_of, answers_by_id, approvals, remark_of
from tests.tables import each

APPROVE, REJECT = {"type": "approve"}, {"type": "reject", "message": " Not today. "}
TWO = [Interrupt({}, id="a"), Interrupt({}, id="b")]


@each(
    ("said", "answer"),
    [
        (True, ApprovalAnswer.YES),
        ("Yes", ApprovalAnswer.YES),
        ("da", ApprovalAnswer.YES),
        (["approve"], ApprovalAnswer.YES),
        ({"approved": True}, ApprovalAnswer.YES),
        (APPROVE, ApprovalAnswer.YES),
        ({"decisions": [APPROVE]}, ApprovalAnswer.YES),
        ([{"type": "accept", "args": None}], ApprovalAnswer.YES),
        ([{"type": "ignore", "args": None}], ApprovalAnswer.NO),
        ([{"type": "response", "args": "yes"}], ApprovalAnswer.NO),
        (ABANDONED, ApprovalAnswer.ABANDONED),
        (False, ApprovalAnswer.NO),
        (None, ApprovalAnswer.NO),
        (1, ApprovalAnswer.NO),
        ("yes, but not now", ApprovalAnswer.NO),
        ([], ApprovalAnswer.NO),
        ([True, False], ApprovalAnswer.NO),
        ({"decisions": [REJECT]}, ApprovalAnswer.NO),
        ({"decisions": [APPROVE, REJECT]}, ApprovalAnswer.NO),
        ({"decisions": [{"type": "edit", "edited_action": {"name": "x", "args": {}}}]}, ApprovalAnswer.NO),
        ({"type": "respond", "message": "yes"}, ApprovalAnswer.NO),
        ({"decisions": {"type": "approve", "other": 1}}, ApprovalAnswer.YES),
    ],
)
def test_only_a_clear_yes_is_one(said: Any, answer: ApprovalAnswer) -> None:
    assert answer_of(said) is answer


def test_the_reason_of_a_refusal_is_read() -> None:
    assert remark_of({"decisions": [REJECT]}) == "Not today."
    assert remark_of([{"type": "response", "args": "Not today."}]) == "Not today."
    assert remark_of("no") == remark_of(None) == remark_of({"message": {}}) == ""


def test_several_calls_take_one_answer_each_or_one_for_all_or_answers_by_id() -> None:
    assert answers_by_id({"decisions": [APPROVE, REJECT]}, TWO) == {"a": APPROVE, "b": REJECT}
    assert answers_by_id("yes", TWO) == {"a": "yes", "b": "yes"}
    assert answers_by_id({"b": False}, TWO) == {"b": False}
    with pytest.raises(ValueError, match="2 calls wait for approval, and there are 3 answers"):
        answers_by_id([True] * 3, TWO)


@each("said", [[], [APPROVE, REJECT], {"decisions": [APPROVE] * 2}, {"a": [True, True]}])
def test_one_call_takes_one_answer(said: Any) -> None:
    with pytest.raises(ValueError, match=r"One call waits for approval, and there are [02] answers\."):
        answers_by_id(said, TWO[:1])


def test_a_question_of_an_earlier_version_is_still_read() -> None:
    former = {"question": "May x be run?", "tool": "x", "arguments": {"n": 1}, "reason": "r", "key": "k"}
    (asked,) = approvals([Interrupt(former, id="a")])
    assert (asked.tool, asked.arguments, asked.reason, asked.key) == ("x", {"n": 1}, "r", "k")
