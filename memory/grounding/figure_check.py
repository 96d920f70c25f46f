"""Search for figures of a reply that are in none of its sources."""

import re
from collections.abc import Iterable, Iterator

from memory.grounding.figure_finder import LocatedFigure, ascii_digits, checkable_figures, find_figures

_WORD = re.compile(r"""[^\s()\[\]{}<>"'`“”„«»,;|*]+""")
_DIGIT = re.compile("[0-9]")
_LETTER = re.compile(r"[^\W\d_]")
_AROUND = ".:!?_"


def ungrounded(reply: str, sources: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct figures of a reply that no source supports, in order, as written.

    A source supports a figure if they share a reading, or if it holds the whole identifier or address that
    the figure is part of. Results computed from a source's figures are unsupported.
    """
    values: set[str] = set()
    words: set[str] = set()
    for source in sources:
        for found in find_figures(source):
            values |= found.says
        words.update(word for _, _, word in _words(source))
    unread = (
        found
        for found in checkable_figures(reply)
        if not any(reading <= values for reading in found.readings)
    )
    return tuple(dict.fromkeys(_outside(reply, unread, words)))


def _words(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the words with letters and digits, with their spans."""
    for match in _WORD.finditer(ascii_digits(text)):
        word = match[0].strip(_AROUND).casefold()
        if _DIGIT.search(word) and _LETTER.search(word):
            yield match.start(), match.end(), word


def _outside(reply: str, unread: Iterator[LocatedFigure], words: set[str]) -> Iterator[str]:
    """Yield the figures that are not in a word of the sources."""
    spans = ((start, end) for start, end, word in _words(reply) if word in words)
    span = next(spans, None)
    for found in unread:
        while span is not None and span[1] <= found.start:
            span = next(spans, None)
        if span is None or not span[0] <= found.start < span[1]:
            yield found.text
