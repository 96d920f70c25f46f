"""Which turn a run is: its thread's id, its owner, its message and its time."""

import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.runtime import ExecutionInfo, Runtime

from graph.model.model_call import StopSignals
from graph.settings.context import TurnContext
from graph.state.circumstances import Circumstances, TurnReader, text_with_parts, thread_id, user_message
from graph.state.turn_state import State, Turn
from memory.errors import EmptyMessage, OwnerMismatch
from memory.provenance import Carrier, Part, Speaker
from tests.tables import each

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAID = NOW - timedelta(hours=1)
READ = TurnReader(default_owner="me", clock=lambda: NOW)
NAMES = st.lists(
    st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
    min_size=1,
)


def state(*messages: AnyMessage, owner: str = "") -> State:
    begun: State = {"messages": list(messages)}
    if owner:
        begun["turn"] = Turn(turn_id="t0", owner=owner, thread="thread", message="earlier", at=SAID)
    return begun


def bare(text: str = "hello", **note: Any) -> HumanMessage:
    return HumanMessage(text, id="t1", additional_kwargs={"goat": note} if note else {})


def read(turn: State, owner: str = "", thread: str | None = "thread") -> Turn:
    running = ExecutionInfo(checkpoint_id="c", checkpoint_ns="", task_id="t", thread_id=thread)
    return READ(turn, Runtime(context=TurnContext(owner=owner), execution_info=running))


def test_a_thread_id_never_changes() -> None:
    assert thread_id("terminal", "me", "2") == "f57e2350-b51f-5f4b-b6d8-b706c761e281"
    assert uuid.UUID(thread_id("telegram", "1")).version == 5


@given(NAMES, NAMES)
def test_names_and_thread_ids_belong_together(one: list[str], other: list[str]) -> None:
    assert (thread_id(*one) == thread_id(*other)) == (one == other)


def test_the_message_carries_what_the_turn_needs() -> None:
    message = user_message("he\0llo \ud83d", turn_id="t1", owner="ana", at=SAID)
    assert (message.id, message.text) == ("t1", "hello \ufffd")
    assert HumanMessage.model_validate_json(message.model_dump_json()) == message
    assert read(state(message)) == Turn(
        turn_id="t1", owner="ana", thread="thread", message="hello \ufffd", at=SAID
    )


def test_what_came_along_travels_beside_the_words_of_the_message() -> None:
    document = Part(text="pay\0 \ud83d", carrier=Carrier.DOCUMENT, source="a\0.pdf")
    about = Circumstances(parts=(document,))
    message = user_message("", turn_id="t1", owner="ana", at=SAID, about=about)
    turn = read(state(HumanMessage.model_validate_json(message.model_dump_json())))
    assert turn.parts == (Part(text="pay \ufffd", carrier=Carrier.DOCUMENT, source="a.pdf"),)
    assert (turn.message, turn.from_others) == ("", True)


def test_a_quotation_that_an_earlier_version_noted_is_a_third_partys() -> None:
    assert read(state(bare(quote="at noon"))).parts == (Part(text="at noon", carrier=Carrier.QUOTED),)


@each("parts", ["x", [1], [{"text": "x"}], [{"text": "x", "carrier": "smoke"}], None])
def test_parts_that_cannot_be_read_are_none(parts: object) -> None:
    assert read(state(bare(parts=parts))).parts == ()


def test_a_name_alone_is_no_message() -> None:
    name = Part(text="Dan", carrier=Carrier.NAME, speaker=Speaker.OWNER)
    with pytest.raises(EmptyMessage):
        read(state(user_message("", turn_id="t", owner="ana", at=SAID, about=Circumstances(parts=(name,)))))


@each(
    ("thread_owner", "note", "context", "expected"),
    [
        ("", "", "", "me"),
        ("", "", "bob", "bob"),
        ("", "ana", "", "ana"),
        ("", "ana", "ana", "ana"),
        ("ana", "", "", "ana"),
        ("ana", "", "ana", "ana"),
        ("ana", "ana", "ana", "ana"),
        ("me", "", "", "me"),
    ],
)
def test_whose_turn_it_is(thread_owner: str, note: str, context: str, expected: str) -> None:
    message = bare(owner=note) if note else bare()
    assert read(state(message, owner=thread_owner), context).owner == expected


@each(
    ("thread_owner", "note", "context"),
    [
        ("ana", "", "bob"),
        ("ana", "bob", ""),
        ("", "ana", "bob"),
        ("ana", "bob", "ana"),
        ("ana", "ana", "bob"),
        ("ana", "bob", "eve"),
        ("ana", "", "Ana"),
        ("ana", "", "ana "),
        ("ana", "", "me"),
    ],
)
def test_nobody_takes_over_a_thread(thread_owner: str, note: str, context: str) -> None:
    message = bare(owner=note) if note else bare()
    with pytest.raises(OwnerMismatch) as caught:
        read(state(message, owner=thread_owner), context)
    assert "ana" not in str(caught.value)


@each("text", ["", " ", "\n\t", "\u2003"])
def test_an_empty_message_is_refused(text: str) -> None:
    with pytest.raises(EmptyMessage):
        read(state(bare(text)))


def test_only_a_message_of_the_user_begins_a_turn() -> None:
    for begun in (state(), state(bare(), AIMessage("hi"))):
        with pytest.raises(EmptyMessage):
            read(begun)


def test_the_last_message_counts() -> None:
    turn = read(state(bare("first"), AIMessage("hi"), HumanMessage("second", id="t2")))
    assert (turn.turn_id, turn.message) == ("t2", "second")


def test_each_block_of_text_is_read_from_a_new_line() -> None:
    blocks: list[str | dict[Any, Any]] = [
        {"type": "text", "text": "look: "},
        {"type": "image_url", "image_url": {"url": "data:,"}},
        {"type": "text", "text": "nice"},
    ]
    message = HumanMessage(blocks, id="t1")
    assert read(state(message)).message == text_with_parts(message) == "look: \nnice"
    with pytest.raises(EmptyMessage):
        read(state(HumanMessage([*blocks[1:2], {"type": "text", "text": " "}], id="t1")))


def test_a_plain_message_is_read_as_it_is() -> None:
    assert read(state(bare(" two\n\nparagraphs "))).message == " two\n\nparagraphs "


@each(
    "at",
    [
        "",
        "yesterday",
        None,
        5,
        "2026-13-01",
        "9999-12-31T23:59:59",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01",
    ],
)
def test_without_a_time_the_clock_tells(at: object) -> None:
    assert read(state(bare(at=at))).at == NOW
    assert read(state(bare())).at == NOW


def test_a_time_without_a_zone_is_utc() -> None:
    assert read(state(bare(at="2026-03-01T11:00:00"))).at == SAID


def test_times_are_utc() -> None:
    at = SAID.astimezone(timezone(timedelta(hours=2)))
    turn = read(state(user_message("hi", turn_id="t1", owner="me", at=at)))
    assert turn.at == SAID
    assert turn.at.utcoffset() == timedelta(0)


def test_a_note_that_cannot_be_read_is_no_note() -> None:
    message = HumanMessage("hi", id="t1", additional_kwargs={"goat": "nonsense"})
    assert read(state(message)).owner == "me"


def test_without_a_thread_owners_stay_apart() -> None:
    threads = {read(state(bare()), owner, thread=None).thread for owner in ("ana", "bob")}
    assert len(threads) == 2
    assert threads == {thread_id("no thread", owner) for owner in ("ana", "bob")}


async def test_a_stop_reaches_the_turn_it_was_meant_for() -> None:
    stops = StopSignals()
    with stops.accept("1"), stops.accept("2"):
        stops.request("1")
        assert stops.signal("1").is_set()
        assert not stops.signal("2").is_set()


async def test_a_stop_that_comes_too_early_or_late_leaves_nothing_behind() -> None:
    stops = StopSignals()
    stops.request("1")
    with stops.accept("1"):
        assert not stops.signal("1").is_set()
    stops.request("1")
    assert not stops.signal("1").is_set()
