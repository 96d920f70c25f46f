"""An owner's document as values and as text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.permanent.letta.letta_agents import agent_name
from memory.permanent.letta.letta_document import Document
from memory.permanent.letta.letta_edit import Edit, set_identity, upsert
from memory.permanent.letta.letta_text import Unreadable, parse, render
from memory.permanent.store_rules import TokenCap, normalize_key
from tests.tables import each

CAP = TokenCap(len, 10**9)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = TEXT.map(lambda key: key.strip()[:50].strip()).filter(bool).map(normalize_key)
WRITING = st.tuples(KEYS | st.none(), TEXT | st.none(), st.integers(-(10**16), 10**17))
LOGS = st.lists(WRITING, max_size=8)


def document(log: list[tuple[str | None, str | None, int]], prefix: str = "id") -> Document:
    return Document().with_entries(*((f"{prefix}{n}", *writing) for n, writing in enumerate(log)))


@given(LOGS, st.text())
def test_a_document_is_read_back_as_it_was_written(
    log: list[tuple[str | None, str | None, int]], owner: str
) -> None:
    whole = document(log)
    text = render(whole, owner)
    assert parse(text, owner) == whole
    assert text == render(parse(text, owner), owner)
    assert "\0" not in text
    text.encode()


@given(LOGS, LOGS)
def test_documents_are_united_in_any_order(
    left: list[tuple[str | None, str | None, int]], right: list[tuple[str | None, str | None, int]]
) -> None:
    one, other = document(left, "a"), document(right, "b")
    merged = one.merge([other])
    assert merged == other.merge([one]) == merged.merge([one, other])
    assert len(merged.entries) == len(left) + len(right)


@given(LOGS)
def test_no_half_of_a_document_is_taken_for_a_whole(log: list[tuple[str | None, str | None, int]]) -> None:
    text = render(document(log), "ana")
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
    whole = document([("city", "Cluj", 1), (None, "a pirate", 2), ("pet", "cat", 3), ("CITY", "Iași", 4)])
    shown = json.loads(render(whole.with_entries(("x", "pet", None, 5)), "ana"))
    assert shown["facts"] == {"CITY": "Iași"}
    assert shown["identity"] == "a pirate"
    assert len(shown["log"]) == 5


def test_a_change_that_stands_is_not_made_again() -> None:
    edit = Edit(upsert("k", "v", 1, CAP))
    once = edit.apply(Document())
    other = Edit(set_identity("x", 2)).apply(once)
    assert edit.apply(other) is other
    edit.settle()
    assert edit.outcome() is None


def test_names_of_agents_are_distinct_and_tell_nothing() -> None:
    owners = ["ana", "Ana", "", "ana ", "a\ud800", "telegram-1"]
    names = {agent_name(owner) for owner in owners}
    assert len(names) == len(owners)
    assert not any("ana" in name or "telegram" in name for name in names)
