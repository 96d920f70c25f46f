"""Token counts: a real tokenizer, offline, for any text."""

import socket

import pytest
from hypothesis import given, strategies as st

from memory.prompt.token_budget import TokenCounter
from tests.linear import not_linear
from tests.tables import each

COUNT = TokenCounter()


@each(
    ("text", "tokens"),
    [("", 0), ("hello world", 2), ("Ce mai faci?", 5), ("<|endoftext|>", 7), ("<|fim_prefix|>", 7)],
)
def test_counts(text: str, tokens: int) -> None:
    assert COUNT(text) == tokens


async def test_the_vocabulary_is_there_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    count = await TokenCounter().ready()
    assert count("hello world") == 2


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=200))
def test_any_text_has_a_count(text: str) -> None:
    assert (COUNT(text) > 0) == bool(text)
    assert COUNT(text) <= len(text.encode("utf-8", "surrogatepass"))


def test_long_texts_are_counted_in_proportion_to_their_length() -> None:
    units = ["a", " ", "^", "word and, more. ", "😀", "\n", "\u3000"]
    assert not_linear(COUNT, units, length=100_000) == []
    assert not_linear(COUNT, [" "], head="x", length=100_000) == []
    for unit in units:
        assert 0 < COUNT(unit * 5_000) <= 5_000 * len(unit.encode()), unit
