"""Cutting texts into parts that overlap and leave nothing out."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, strategies as st

from memory.embedding.embedding_model import split_offsets

TEXTS = st.one_of(
    st.text(max_size=600),
    st.text(alphabet=st.sampled_from("ab .!\n。文😀"), max_size=600),
    st.lists(st.sampled_from(["A sentence. ", "word ", "\n\n", "文字列。", "x" * 60]), max_size=100).map(
        "".join
    ),
)


def characters(words: Sequence[str]) -> list[int]:
    return [len(word.strip()) for word in words]


def split(text: str, capacity: int = 100) -> list[tuple[int, int]]:
    return split_offsets(text, capacity=capacity, measure=characters)


@given(TEXTS, st.integers(48, 300))
def test_parts_cover_overlap_and_fit(text: str, capacity: int) -> None:
    spans = split(text, capacity)
    assert spans[0][0] == 0
    assert spans[-1][1] == len(text)
    for (start, end), (following, following_end) in pairwise(spans):
        assert start < following < end < following_end
    if text.strip():
        assert all(start < end for start, end in spans)
        assert all(sum(characters(text[start:end].split())) <= capacity for start, end in spans)


def test_white_space_alone_is_one_part() -> None:
    assert split(" \n\t" * 1000) == [(0, 3000)]
    assert split("") == [(0, 0)]


def test_a_part_ends_with_a_sentence_when_one_ends_late_enough() -> None:
    text = "This is a sentence of some length, which ends here. " * 40
    spans = split(text, 400)
    assert len(spans) > 3
    assert all(text[:end].rstrip().endswith(".") for _, end in spans)


def test_a_part_ends_between_words_when_no_sentence_ends() -> None:
    text = "word " * 500
    assert all(text[:end].endswith(" ") for _, end in split(text))


def test_the_overlap_is_small() -> None:
    text = "word " * 5000
    spans = split(text, 400)
    assert sum(end - start for start, end in spans) < 1.25 * len(text)
