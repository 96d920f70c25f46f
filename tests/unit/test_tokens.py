"""Token counts: a real tokenizer, offline, for any text."""

import asyncio
import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.tokens import TokenCounter

COUNT = TokenCounter()


@pytest.mark.parametrize(
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


async def test_it_is_loaded_once_for_all_who_wait() -> None:
    counter = TokenCounter()
    counts = await asyncio.gather(*(counter.ready() for _ in range(5)))
    assert all(count is counter for count in counts)


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=200))
def test_any_text_has_a_count(text: str) -> None:
    assert (COUNT(text) > 0) == bool(text)
    assert COUNT(text) <= len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("text", ["x" + " " * 1_000_000 + "y", "\n" * 1_000_000, "\u3000" * 1_000_000])
def test_long_runs_of_white_space_are_counted(text: str) -> None:
    assert 0 < COUNT(text) <= len(text)


@pytest.mark.parametrize("piece", ["a", " ", "^", "word and, more. ", "😀"])
def test_a_megabyte_is_counted_soon(piece: str) -> None:
    text = piece * (1_000_000 // len(piece.encode()))
    began = time.perf_counter()
    assert 0 < COUNT(text) <= 1_000_000
    assert time.perf_counter() - began < 5
