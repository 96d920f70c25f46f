"""Whatever a model writes fits into messages that Telegram takes."""

import re

from hypothesis import given, settings, strategies as st
from telegram.constants import MessageEntityType

from bot.telegram.outbox.message_format import FormattedText, pieces, preview, utf16_length
from bot.telegram.outbox.message_markdown import blank, storable

ANY = st.text(alphabet=st.characters(exclude_categories=[]), max_size=300)
TOKENS = (
    r"* ** *** _ __ ~ ~~ || | ` `` ``` $ $$ \( \) \[ \] \frac{a}{b} \sqrt { } ^ # [ ] ( ) ![ ](http://a.b) < "
    r"> <b> 1. "
    r"](tg://emoji?id=5368324170671202286) </b> <div> <br> <x> <!-- --> </tg-spoiler> <tg-spoiler> - 9999. "
    r"--- === &amp; &#0; &#xD800; &#7; \ [^1] [^1]: [x] é 😀 👨‍👩‍👧 🇷🇴 שלום العربية word x 5 :"
)
MARKUP = st.lists(
    st.sampled_from(TOKENS.split(" "))
    | st.sampled_from([" ", "\n", "\n\n", "    ", "\t", "\r", "\r\n", "```py\n", "| a | b |\n|--|--|\n"])
    | st.sampled_from(
        ["a\u0301\u0302", "\u202e", "\u200b", "\u200d", "\u2028", "\ufeff", "\x0b", "\ud800", "\0"]
    ),
    max_size=80,
).map("".join)
LONG = st.builds(lambda text, times: text * times, MARKUP | ANY, st.integers(1, 50))
MARKDOWN = ANY | MARKUP | LONG
LIMITS = st.sampled_from([16, 50, 200, 4096])
CODE = st.text(
    alphabet=st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="`~") | st.just("\n")
)
TYPES = {str(kind) for kind in MessageEntityType}


def check(piece: FormattedText, limit: int) -> None:
    length = utf16_length(piece.text)
    assert length <= limit
    assert not re.search(r"[\0\ud800-\udfff]", piece.text)
    bounds = {0}
    for char in piece.text:
        bounds.add(max(bounds) + utf16_length(char))
    for entity in piece.entities:
        assert entity.length > 0
        assert entity.offset in bounds
        assert entity.offset + entity.length in bounds
        assert entity.type in TYPES
        assert (entity.type == "text_link") == bool(entity.url)


@settings(max_examples=300)
@given(MARKDOWN, LIMITS)
def test_every_piece_can_be_sent(markdown: str, limit: int) -> None:
    cut = pieces(markdown, limit)
    for piece in cut:
        check(piece, limit)
        assert not blank(piece.text)
    assert bool(cut) != blank(storable(markdown))


@given(MARKDOWN, LIMITS)
def test_every_preview_can_be_sent(markdown: str, limit: int) -> None:
    check(preview(markdown, limit), limit)


@given(st.text(alphabet=st.characters(categories=["L", "N", "M"]), max_size=400), LIMITS)
def test_words_are_only_cut(text: str, limit: int) -> None:
    assert "".join(piece.text for piece in pieces(text, limit)) == text if not blank(text) else True


@given(CODE, LIMITS)
def test_code_keeps_every_visible_character(code: str, limit: int) -> None:
    cut = pieces(f"text\n\n```python\n{code}\n```\n\nmore", limit)
    units = [(piece, piece.text.encode("utf-16-le")) for piece in cut]
    blocks = [
        encoded[e.offset * 2 : (e.offset + e.length) * 2].decode("utf-16-le")
        for piece, encoded in units
        for e in piece.entities
        if e.type == "pre"
    ]
    assert _visible("".join(blocks)) == _visible(code)


@settings(max_examples=6, deadline=None)
@given(MARKUP.filter(bool))
def test_a_very_long_reply_is_cut_too(markup: str) -> None:
    markdown = (markup + " lorem ipsum\n") * (100_000 // (len(markup) + 13))
    for piece in pieces(markdown):
        assert utf16_length(piece.text) <= 4096


def _visible(text: str) -> str:
    return "".join(char for char in text if not blank(char))
