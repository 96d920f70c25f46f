"""Where a long text is cut: at a paragraph, else a line, else a word, else between two characters."""

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

Span = tuple[int, int]
"""A half-open range of characters."""

_LONGEST_CHARACTER = 64
"""Code points; what is joined to more of them is not writing any more."""


def utf16_offsets(text: str) -> Sequence[int]:
    """Return where each character begins in UTF-16 units, and at last the length."""
    if text.isascii():
        return range(len(text) + 1)
    return [0, *accumulate(2 if char > "\uffff" else 1 for char in text)]


def cut(text: str, limit: int, code: Sequence[Span]) -> list[Span]:
    """Return the pieces of `text`, each of at most `limit` UTF-16 units and without the space around it.

    `code` are the blocks of code, in order; no paragraph ends within one.
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
    """Return `at`, or where the character that it would cut in two begins."""
    first = max(0, at - _LONGEST_CHARACTER)
    return next((i for i in range(at, first, -1) if not _joined(text, i)), at)


def inside(at: int, spans: Sequence[Span]) -> Span | None:
    """Return the span that `at` would cut in two."""
    i = bisect_left(spans, (at, 0)) - 1
    return spans[i] if i >= 0 and spans[i][0] < at < spans[i][1] else None


def _end(text: str, start: int, most: int, code: Sequence[Span]) -> int:
    """Return the best cut up to `most`, if it does not leave a piece nearly empty."""
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
    """Skip the space after a cut; in front of code only empty lines, not its indentation."""
    word = len(text) - len(text[at:].lstrip())
    i = bisect_right(code, (word, len(text))) - 1
    in_code = i >= 0 and word < code[i][1]
    return max(at, text.rfind("\n", at, word) + 1) if in_code else word


def _paragraph(text: str, least: int, most: int, code: Sequence[Span]) -> int:
    at = text.rfind("\n\n", least, most + 2)
    while block := inside(at, code):
        at = text.rfind("\n\n", least, block[0] + 2) if block[0] > least else -1
    return max(at, *(edge for span in _blocks(most, code) for edge in span if edge <= most), -1)


def _blocks(most: int, code: Sequence[Span]) -> Sequence[Span]:
    """Return the last two blocks that begin up to `most`."""
    i = bisect_right(code, (most, most))
    return code[max(0, i - 2) : i] or [(-1, -1)]


def _word(text: str, least: int, most: int) -> int:
    return next((i for i in range(most, least, -1) if text[i].isspace()), -1)


def _joined(text: str, at: int) -> bool:
    """Say whether the code points before and at `at` are drawn as one character."""
    if at >= len(text):
        return False
    before, after = text[at - 1], text[at]
    flags = all("\U0001f1e6" <= char <= "\U0001f1ff" for char in (before, after))
    tone_or_tag = "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f"
    joiner = "\u200d" in (before, after)
    return flags or tone_or_tag or joiner or unicodedata.category(after)[0] == "M"
