"""Markdown rendered as text with entities, and cuts of long texts at readable places."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

import pyromark
from telegramify_markdown import MessageEntity, RenderConfig, convert
from telegramify_markdown.converter import STANDARD_OPTIONS

from memory.text.text import clean

_MOST_MATHS = 2_000
"""Dollar signs per text; the parser is quadratic in them."""
_MOST_GROWTH = 20
"""A guess. Tables grow by their padding; "1. 1. 1. ..." is a list in a list, each on an indented line."""
_MATHS = re.compile(
    r"(?<!\\)\\(?:\(((?:(?!\\\(|\n\s*\n)[^$]){1,1000}?)\\\)|\[((?:(?!\\\[|\n\s*\n)[^$]){1,1000}?)\\\])"
)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_STYLE = re.compile(r"</?(?:b|i|u|s|em|strong|small|mark|span|kbd|ins|del|tg-spoiler)\s*>", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINK = re.compile(r"(?:https?|tg)://\S|(?:mailto|tel):\S", re.IGNORECASE)
_UNSEEN = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffc")
"""Letters and symbols that are drawn as nothing."""
Span = tuple[int, int]
"""A half-open range of characters."""

_PLAIN = RenderConfig.isolated()
"""A style with plain headings and bullets instead of the library's emoji."""
for _level in range(1, 7):
    setattr(_PLAIN.markdown_symbol, f"heading_level_{_level}", "")
_PLAIN.markdown_symbol.unordered_list_item = "•"
_LONGEST_CHARACTER = 64
"""Maximum code points of a joined character; longer sequences are no writing."""


def render(markdown: str) -> tuple[str, list[MessageEntity]]:
    """Return text and entities in UTF-16 units; the source if the rendered text would be blank."""
    source = storable(markdown)
    if source.count("$") > _MOST_MATHS:
        return source, []
    try:
        text, marks = convert(_prepare(source), latex_escape=False, config=_PLAIN)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return source, []
    if len(text) > _MOST_GROWTH * len(source):
        return source, []
    text = _CONTROL.sub(" ", text)
    return (source, []) if blank(text) else (text, [mark for mark in marks if _usable(mark)])


def storable(markdown: str) -> str:
    """Remove control characters and lone surrogates, which Telegram refuses."""
    return _CONTROL.sub("", clean(markdown).replace("\r\n", "\n").replace("\r", "\n"))


def blank(text: str) -> bool:
    """Return True if nothing of `text` is visible; Telegram refuses it as empty."""
    return all(char in _UNSEEN or unicodedata.category(char)[0] in "ZC" for char in text)


def _usable(mark: MessageEntity) -> bool:
    return mark.type != "text_link" or _LINK.match(mark.url or "") is not None


def _prepare(source: str) -> str:
    """Escape HTML that the library would drop (often `<a placeholder>`), and mark LaTeX."""
    encoded, done, parts, in_table = source.encode(), 0, list[str](), False
    for event, where in pyromark.events_with_range(source, options=STANDARD_OPTIONS):
        start, end = where["start"], where["end"]  # in UTF-8
        match event:
            case {"Start": {"CodeBlock": _}} | {"Code": _}:
                kept = encoded[start:end].decode()
            case {"InlineHtml": str(tag)} | {"Html": str(tag)}:
                kept = _html(tag, in_table)
            case {"Start": {"Table": _}} | {"End": "Table"}:
                in_table = "Start" in event
                continue
            case _:
                continue
        if start >= done:
            parts += [_dollars(encoded[done:start].decode()), kept]
            done = end
    return "".join([*parts, _dollars(encoded[done:].decode())])


def _html(tag: str, in_table: bool) -> str:
    """Return Markdown that shows `tag` literally, unless it is a style or a line break."""
    if _BREAK.fullmatch(tag):
        return " " if in_table else "\\\n"
    return tag if _STYLE.fullmatch(tag) else tag.replace("<", "\\<")


def _dollars(text: str) -> str:
    r"""Write `\( \)` and `\[ \]` as `$` and `$$`, which is what the parser knows."""
    return _MATHS.sub(lambda m: f"${m[1].strip()}$" if m[1] else f"$${m[2].strip()}$$", text)


def utf16_offsets(text: str) -> Sequence[int]:
    """Return each character's offset in UTF-16 units, and finally the length."""
    if text.isascii():
        return range(len(text) + 1)
    return [0, *accumulate(2 if char > "\uffff" else 1 for char in text)]


def cut(text: str, limit: int, code: Sequence[Span]) -> list[Span]:
    """Cut `text` into spans of at most `limit` UTF-16 units, without surrounding space.

    `code` are the code blocks in order; paragraph breaks within them do not count.
    """
    offsets, start = utf16_offsets(text), _next(text, 0, code)
    spans = []
    while start < len(text):
        most = max(start + 1, bisect_right(offsets, offsets[start] + limit) - 1)
        end = most if most == len(text) else _end(text, start, most, code)
        spans.append((start, start + len(text[start:end].rstrip())))
        start = _next(text, end, code)
    return spans


def whole(text: str, at: int) -> int:
    """Return `at`, moved back to the start of a character that it would split."""
    first = max(0, at - _LONGEST_CHARACTER)
    return next((i for i in range(at, first, -1) if not _is_joined(text, i)), at)


def inside(at: int, spans: Sequence[Span]) -> Span | None:
    """Return the span that `at` would split."""
    i = bisect_left(spans, (at, 0)) - 1
    return spans[i] if i >= 0 and spans[i][0] < at < spans[i][1] else None


def _end(text: str, start: int, most: int, code: Sequence[Span]) -> int:
    """Return the best cut up to `most` that leaves no piece nearly empty."""
    least = start + (most - start) // 4
    for at in (
        _paragraph(text, least, most, code),
        text.rfind("\n", least, most + 1),
        _word(text, least, most),
    ):
        if at > least:
            return at
    at = whole(text, most)
    return at if at > start else most


def _next(text: str, at: int, code: Sequence[Span]) -> int:
    """Skip the space after a cut; before code only empty lines, not indentation."""
    word = next((i for i in range(at, len(text)) if not text[i].isspace()), len(text))
    i = bisect_right(code, (word, len(text))) - 1
    in_code = i >= 0 and word < code[i][1]
    return max(at, text.rfind("\n", at, word) + 1) if in_code else word


def _paragraph(text: str, least: int, most: int, code: Sequence[Span]) -> int:
    at = text.rfind("\n\n", least, most + 2)
    while block := inside(at, code):
        at = text.rfind("\n\n", least, block[0] + 2) if block[0] > least else -1
    return max(at, *(edge for span in _blocks(most, code) for edge in span if edge <= most), -1)


def _blocks(most: int, code: Sequence[Span]) -> Sequence[Span]:
    """Return the last two code blocks that start at or before `most`."""
    i = bisect_right(code, (most, most))
    return code[max(0, i - 2) : i] or [(-1, -1)]


def _word(text: str, least: int, most: int) -> int:
    return next((i for i in range(most, least, -1) if text[i].isspace()), -1)


def _is_joined(text: str, at: int) -> bool:
    """Return True if the code points around `at` are drawn as one character."""
    if at >= len(text):
        return False
    before, after = text[at - 1], text[at]
    flags = all("\U0001f1e6" <= char <= "\U0001f1ff" for char in (before, after))
    tone_or_tag = "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f"
    joiner = "\u200d" in (before, after)
    return flags or tone_or_tag or joiner or unicodedata.category(after)[0] == "M"
