"""Which figures of a reply stand in none of the texts it rests on."""

import re
from collections.abc import Iterable, Iterator

from memory.grounding.figure_finder import Found, ascii_digits, counted, find

_WORD = re.compile(r"""[^\s()\[\]{}<>"'`“”„«»,;|*]+""")
_DIGIT = re.compile("[0-9]")
_LETTER = re.compile(r"[^\W\d_]")
_AROUND = ".:!?_"


def ungrounded(reply: str, sources: Iterable[str]) -> tuple[str, ...]:
    """Return the figures of a reply that stand in no source, in order, each once, as they are written.

    A figure stands when any way to read it is a way to read a figure of a source, or when the identifier or
    address it is part of stands there as a whole. What is computed from figures of sources does not stand.
    """
    values: set[str] = set()
    words: set[str] = set()
    for source in sources:
        for found in find(source):
            values |= found.says
        words.update(word for _, _, word in _words(source))
    unread = (found for found in counted(reply) if not any(reading <= values for reading in found.readings))
    return tuple(dict.fromkeys(_outside(reply, unread, words)))


def _words(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the words of a text with letters and digits in them, and where they stand."""
    for match in _WORD.finditer(ascii_digits(text)):
        word = match[0].strip(_AROUND).casefold()
        if _DIGIT.search(word) and _LETTER.search(word):
            yield match.start(), match.end(), word


def _outside(reply: str, unread: Iterator[Found], words: set[str]) -> Iterator[str]:
    """Yield the figures that are not part of a word of the sources."""
    spans = ((start, end) for start, end, word in _words(reply) if word in words)
    span = next(spans, None)
    for found in unread:
        while span is not None and span[1] <= found.start:
            span = next(spans, None)
        if span is None or not span[0] <= found.start < span[1]:
            yield found.text
