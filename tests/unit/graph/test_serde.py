"""Checkpointed values come back as they were; sequences as lists."""

import json
import pickle
import traceback
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from pydantic import TypeAdapter

from graph.checkpoint.checkpoint_records import unpack
from graph.checkpoint.serde import StateSerializer
from graph.delegation.state import job_serde
from graph.state.turn_state import Allocation, Archived, Conversation, Recall, Reply, TimeMeant, Turn, Unused
from memory.errors import TierCorrupt
from memory.models import (
    ConversationTurn,
    Decision,
    DecisionRule,
    Evidence,
    Outcome,
    QueryFacts,
    SearchReport,
    SearchStatus,
)
from memory.prompt.window import Space
from memory.provenance import Carrier, Part, Speaker
from tests.bare import BARE
from tests.tables import each

AT = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
PARTS = (Part(text="pay", carrier=Carrier.DOCUMENT, speaker=Speaker.THIRD_PARTY, source="a.pdf"),)
PAST = ConversationTurn(
    turn_id="t", message="ce faci? \0 🐐", reply="", at=AT, evidence=["a"], parts=PARTS, tokens=3
)
CANDIDATE = replace(
    BARE,
    thread="th",
    at=AT,
    score=0.1 + 0.2,
    evidence=Evidence(lexical=1 / 3, coverage=0.5, cosine=-0.1, standing=None, surplus=2.5, keyed=1),
)
DECISION = Decision(turn_id="t", kept=True, rule=DecisionRule.NULL, score=0.3, threshold=0.2, probability=0.9)
ALLOCATION = Allocation(
    confidence=0.5,
    complexity=0.2,
    total=8000,
    fixed=300,
    l2_limit=1000,
    l2_used=3,
    l3_limit=1000,
    l3_used=90,
    conversation=["t"],
    recalled=["u"],
    shortened=[PAST],
    over_budget=[DECISION],
)


@each(
    "value",
    [
        Conversation(turns=[PAST], opening=PAST),
        Recall(
            candidates=[CANDIDATE],
            noise=[0.1, 0.25],
            keys=[],
            carried=["u"],
            reports={
                "thematic": SearchReport(
                    status=SearchStatus.PARTIAL, found=1, milliseconds=1.5, problem="late"
                )
            },
        ),
        Recall(
            candidates=[],
            noise=[],
            query=QueryFacts(documents=3, words=2, unseen=0.25, small_talk=True, model="e5"),
            keys=["GOAT-42"],
            carried=[],
            times=TimeMeant(start=AT, end=AT, text="ieri", alone=True),
            expanded="da, aia",
        ),
        ALLOCATION,
        Archived(turn_id="t", conversation=True, episode=False),
        [Unused(turn_id="t", probability=0.7, turns_left=2)],
        Reply(text="hi", outcome=Outcome.ANSWERED),
        [SystemMessage("s"), HumanMessage("h", id="1", additional_kwargs={"goat": {"owner": "me"}})],
        [AIMessage("", tool_calls=[{"name": "f", "args": {"x": 1}, "id": "c", "type": "tool_call"}])],
        [],
        [DECISION],
        None,
    ],
)
def test_a_value_comes_back_equal_and_of_its_type(value: Any) -> None:
    serde = StateSerializer()
    back = serde.loads_typed(serde.dumps_typed(value))
    assert back == value
    assert type(back) is type(value)


def test_a_rule_that_an_earlier_version_wrote_as_a_string_is_the_same_rule() -> None:
    serde = StateSerializer()
    former = [replace(DECISION, rule=cast("DecisionRule", "null"))]
    assert serde.loads_typed(serde.dumps_typed(former)) == [DECISION]


def test_state_types_are_written_as_json() -> None:
    assert StateSerializer().dumps_typed(Reply(text="hi", outcome=Outcome.ANSWERED))[0] == "Reply"


def test_an_allocation_that_holds_whole_turns_is_read_as_their_ids() -> None:
    """As a turn left it that was pending when the agent was upgraded."""
    serde = StateSerializer()
    former = replace(ALLOCATION, shortened=())
    kind, raw = serde.dumps_typed(former)
    values = json.loads(raw)
    turn, memory = (TypeAdapter(type(one)).dump_python(one, mode="json") for one in (PAST, CANDIDATE))
    values |= {"conversation": [turn], "recalled": [memory | {"turn_id": "u"}]}
    del values["shortened"]
    assert serde.loads_typed((kind, json.dumps(values).encode())) == former


def test_a_job_of_an_earlier_version_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its checkpoints name the turn's type by the module that it was in."""
    turn = Turn(turn_id="t", owner="ana", thread="th", message="m", at=AT)
    with monkeypatch.context() as earlier:
        earlier.setattr(Turn, "__module__", "graph.state")
        stored = job_serde().dumps_typed({"turn": turn})
    assert b"graph.state" in stored[1]
    read = job_serde().loads_typed(stored)["turn"]
    assert (type(read), read.turn_id, read.at) == (Turn, "t", AT)


FORMER_PICKLE = (
    "gAJjZ3JhcGguc3RhdGUKQWxsb2NhdGlvbgpxACmBcQFdcQIoRz/gAAAAAAAARz/JmZmZmZmaTUAfSwFLAksDSwRLBV"
    "1xA1gBAAAAdHEEYV1xBVgBAAAAdXEGYSkpY21lbW9yeS53aW5kb3cKU3BhY2UKcQcpgXEIXXEJKEsBSwFLAUsBSwFL"
    "AUsBSwFLAUsBKSllYksAZWIu"
)
"""An allocation as Studio's server of version 0.1 has it in its file, with all of a window's numbers 1."""


def test_what_studios_server_pickled_before_is_read() -> None:
    read = pickle.loads(b64decode(FORMER_PICKLE))
    assert type(read) is Allocation
    assert type(read.space) is Space
    assert (read.l3_used, read.conversation, read.recalled, read.shortened, read.over_budget) == (
        *(5, ["t"], ["u"], (), ()),
    )
    assert pickle.loads(pickle.dumps(read)) == read
    without = replace(read, space=None)
    assert pickle.loads(pickle.dumps(without)) == without


def test_an_error_of_a_damaged_checkpoint_does_not_quote_what_was_said() -> None:
    raw = b'Reply\0{"text": ["my secret"]}'
    with pytest.raises(TierCorrupt) as caught:
        unpack(raw, StateSerializer())
    assert "secret" not in "".join(traceback.format_exception(caught.value))
