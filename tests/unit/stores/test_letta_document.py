"""An owner's document as values and as text."""

import json

import pytest
from hypothesis import given, strategies as st

from memory.permanent.letta.letta_agents import agent_name
from memory.permanent.letta.letta_document import Document, Unreadable, Writing, merge, parse, render
from memory.permanent.permanent_records import normalize_key
from tests.tables import each

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = TEXT.map(lambda key: key.strip()[:50].strip()).filter(bool).map(normalize_key)
WRITING = st.tuples(KEYS | st.none(), TEXT | st.none(), st.integers(-(10**16), 10**17))
LOGS = st.lists(WRITING, max_size=8)


@given(LOGS, st.text())
def test_a_document_is_read_back_as_it_was_written(log: list[Writing], owner: str) -> None:
    whole = Document().append("id", log)
    text = render(whole, owner)
    assert parse(text, owner) == whole
    assert text == render(parse(text, owner), owner)
    assert "\0" not in text
    text.encode()


@given(LOGS, LOGS)
def test_documents_are_united_in_any_order(left: list[Writing], right: list[Writing]) -> None:
    one, other = Document().append("a", left), Document().append("b", right)
    merged = merge([one, other])
    assert merged == merge([other, one]) == merge([merged, one, other])
    assert len(merged.entries) == len(left) + len(right)


@given(LOGS)
def test_no_half_of_a_document_is_taken_for_a_whole(log: list[Writing]) -> None:
    text = render(Document().append("id", log), "ana")
    for end in range(0, len(text), max(1, len(text) // 20)):
        with pytest.raises(Unreadable):
            parse(text[:end], "ana")


LINE = {"n": 1, "id": "a", "at": "2025-03-01T12:00:00+00:00", "fact": "k", "value": "v"}


@each(
    "line",
    [
        None,
        [],
        LINE | {"more": 1},
        LINE | {"n": 0},
        LINE | {"n": True},
        LINE | {"n": "1"},
        LINE | {"id": 7},
        LINE | {"at": "soon"},
        LINE | {"at": "2025-03-01T12:00:00"},
        LINE | {"at": 0},
        LINE | {"fact": ""},
        LINE | {"fact": " k "},
        LINE | {"fact": None},
        LINE | {"fact": "k" * 201},
        LINE | {"value": 1},
        LINE | {"value": "\ud800"},
        {key: value for key, value in LINE.items() if key != "value"},
    ],
)
def test_lines_that_would_not_be_written_are_not_read(line: object) -> None:
    whole = {"format": "goat-memory-1", "owner": "ana", "log": [LINE | {"id": "first"}, line]}
    with pytest.raises(Unreadable):
        parse(json.dumps(whole), "ana")


def test_an_id_stands_once() -> None:
    with pytest.raises(Unreadable, match="not unique"):
        parse(json.dumps({"format": "goat-memory-1", "owner": "ana", "log": [LINE, LINE]}), "ana")


def test_the_text_shows_what_stands() -> None:
    log = [
        ("city", "Cluj", 1),
        (None, "a pirate", 2),
        ("pet", "cat", 3),
        ("CITY", "Iași", 4),
        ("pet", None, 5),
    ]
    shown = json.loads(render(Document().append("id", log), "ana"))
    assert shown["facts"] == {"CITY": "Iași"}
    assert shown["identity"] == "a pirate"
    assert len(shown["log"]) == 5


def test_names_of_agents_are_distinct_and_tell_nothing() -> None:
    owners = ["ana", "Ana", "", "ana ", "a\ud800", "telegram-1"]
    names = {agent_name(owner) for owner in owners}
    assert len(names) == len(owners)
    assert not any("ana" in name or "telegram" in name for name in names)
