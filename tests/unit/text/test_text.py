"""Text made storable, and shortened."""

import re

from hypothesis import given, strategies as st

from memory.text.text import ELLIPSIS, clean, clip, excerpt
from tests.tables import each

ANY = st.text(alphabet=st.characters(exclude_categories=[]), max_size=300)
NOTE = len(ELLIPSIS.format(left_out=10**9))
MARKS = len("[...] ") + len(" [...]")


@each(
    "text",
    [
        "", "plain", "când și unde", "👨‍👩‍👧 👍🏽", "日本語", "a\r\n\tb", "e\u0301", "\ufeffx", "\U0010ffff",
        "\ufffd",
    ],
)  # fmt: skip
def test_what_can_be_stored_stays_verbatim(text: str) -> None:
    assert clean(text) == text


@each(
    ("text", "expected"),
    [
        ("a\0b", "ab"),
        ("ș\0\0", "ș"),
        ("\0", ""),
        ("\ud800", "\ufffd"),
        ("a\udc80b", "a\ufffdb"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ud83d\ude00", "\ufffd😀"),
        ("\ud83d 😀", "\ufffd 😀"),
        ("\ud83d\0\ude00", "\ufffd\ufffd"),
    ],
)
def test_what_no_store_can_hold_is_replaced(text: str, expected: str) -> None:
    assert clean(text) == expected


@given(ANY)
def test_cleaned_text_can_be_stored_and_stays(text: str) -> None:
    cleaned = clean(text)
    assert "\0" not in cleaned
    assert cleaned.encode().decode() == cleaned
    assert clean(cleaned) == cleaned


def test_clip_keeps_two_thirds_from_the_beginning_and_one_from_the_end() -> None:
    clipped = clip("a" * 600 + "b" * 9_400, 900)
    assert clipped.startswith("a" * 600 + "\n[... 9,100 characters left out here")
    assert clipped.endswith("...]\n" + "b" * 300)


@given(st.text(max_size=600), st.integers(0, 400))
def test_clip_is_bounded_and_never_makes_longer(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    assert len(clipped) <= min(len(text), limit + NOTE)
    if clipped != text:
        head, tail = limit * 2 // 3, limit // 3
        assert clipped.startswith(text[:head])
        assert clipped.endswith(text[len(text) - tail :])
        left_out = re.search(r"\[\.\.\. ([\d,]+) characters", clipped[head:])
        assert left_out is not None
        assert int(left_out[1].replace(",", "")) == len(text) - head - tail


@each(
    ("span", "expected"),
    [
        ((0, 4), "abcdefghij [...]"),
        ((12, 14), "[...] ijklmnopqr [...]"),
        ((24, 26), "[...] qrstuvwxyz"),
        ((0, 26), "[...] ijklmnopqr [...]"),
        ((26, 26), "[...] qrstuvwxyz"),
    ],
)
def test_an_excerpt_stands_around_its_span(span: tuple[int, int], expected: str) -> None:
    assert excerpt("abcdefghijklmnopqrstuvwxyz", span, 10) == expected


@given(st.text(min_size=1, max_size=300), st.data(), st.integers(1, 100))
def test_an_excerpt_is_bounded_and_holds_a_span_that_fits(text: str, data: st.DataObject, limit: int) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + limit, len(text))))
    cut = excerpt(text, (start, end), limit)
    assert len(cut) <= limit + MARKS
    assert text[start:end] in cut
