"""Cutting a text into overlapping parts that each fit a model's window."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

LONGEST_WORD = 24  # characters; longer runs without white space are cut
OVERLAP = 0.15  # of a part's size, at most, repeated at the beginning of the next
SLACK = 0.25  # of a part's size, at most, given up to end it at the end of a sentence

_WORD = re.compile(rf"\S{{1,{LONGEST_WORD}}}\s*|\s+")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]]*\s*\Z|\n\s*\Z|[。！？]")

Span = tuple[int, int]
Measure = Callable[[Sequence[str]], Sequence[int]]


def split_offsets(text: str, *, capacity: int, measure: Measure) -> list[Span]:
    """Cover `text` with half-open spans of at most `capacity`, each overlapping the one before.

    Args:
        text: any text; an empty one, or one of white space alone, is one part.
        capacity: the largest size of a part, in the unit of `measure`.
        measure: the sizes of words, given all the words of the text.
    """
    if not text.strip():
        return [(0, len(text))]
    words = [match.span() for match in _WORD.finditer(text)]
    pieces = [text[start:end] for start, end in words]
    ends = [0, *accumulate(measure(pieces))]
    spans, first = [], 0
    while True:
        last = _last(pieces, ends, first, capacity)
        spans.append((words[first][0], words[last - 1][1]))
        if last == len(words):
            return spans
        first = _next_first(pieces, ends, first, last)


def _last(words: Sequence[str], ends: Sequence[int], first: int, capacity: int) -> int:
    """Find where the part from the word `first` on ends: after a sentence when one ends late enough."""
    limit = ends[first] + capacity
    last = max(bisect_right(ends, limit) - 1, first + 1)
    if last == len(words):
        return last
    earliest = max(bisect_left(ends, limit - capacity * SLACK), first + 1)
    return next((n for n in range(last, earliest, -1) if _SENTENCE_END.search(words[n - 1])), last)


def _next_first(words: Sequence[str], ends: Sequence[int], first: int, last: int) -> int:
    """Go back by the overlap, at least a word, to the beginning of a sentence when there is one."""
    overlap = (ends[last] - ends[first]) * OVERLAP
    earliest = max(bisect_left(ends, ends[last] - overlap), first + 1)
    start = min(earliest, max(last - 1, first + 1))
    return next((n for n in range(start, last) if _SENTENCE_END.search(words[n - 1])), start)
