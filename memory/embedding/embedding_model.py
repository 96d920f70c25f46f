"""The interface of an embedding model, and the overlapping windows of a text that each fit one."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Protocol

TIER = "episodic"
LONGEST_WORD = 24  # characters; longer runs without white space are cut
OVERLAP = 0.15  # of a window's size, at most, repeated at the start of the next
SLACK = 0.25  # of a window's size, at most, given up to end at the end of a sentence

_WORD = re.compile(rf"\S{{1,{LONGEST_WORD}}}\s*|\s+")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]]*\s*\Z|\n\s*\Z|[。！？]")

Span = tuple[int, int]
Measure = Callable[[Sequence[str]], Sequence[int]]


class EmbeddingModel(Protocol):
    """An embedding model; constructing one loads nothing and does no I/O.

    Any text can be embedded, even an empty one; a text that is too long is truncated. Embedding raises
    `TierUnavailable` when the model cannot be reached, built or loaded, and `TierCorrupt` for an invalid
    answer.
    """

    @property
    def name(self) -> str:
        """Id of the model's vectors; vectors with different names are not comparable."""

    @property
    def dimension(self) -> int | None:
        """Length of a vector; None if not yet known."""

    @property
    def remote(self) -> bool:
        """True when the model is reached over a network: it may hang, and treats queries as documents."""

    def split_offsets(self, text: str) -> list[tuple[int, int]]:
        """Cover `text` with overlapping half-open spans of characters that each fit; may be slow."""
        ...

    async def aembed_query(self, text: str) -> list[float]: ...

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]: ...

    async def ready(self) -> None:
        """Load everything that the first text needs."""
        ...

    async def aclose(self) -> None:
        """Release threads and connections."""
        ...


def split_offsets(text: str, *, capacity: int, measure: Measure) -> list[Span]:
    """Cover `text` with half-open spans of at most `capacity`, each overlapping the previous one.

    Args:
        text: any text; blank text is one span.
        capacity: the largest size of a span, in the unit of `measure`.
        measure: returns the sizes of all words of the text.
    """
    if not text.strip():
        return [(0, len(text))]
    words = [match.span() for match in _WORD.finditer(text)]
    pieces = [text[start:end] for start, end in words]
    ends = [0, *accumulate(measure(pieces))]
    spans, first = [], 0
    while True:
        last = _window_end(pieces, ends, first, capacity)
        spans.append((words[first][0], words[last - 1][1]))
        if last == len(words):
            return spans
        first = _next_start(pieces, ends, first, last)


def _window_end(words: Sequence[str], ends: Sequence[int], first: int, capacity: int) -> int:
    """Return the end of the window that starts at word `first`, after a sentence if one ends late enough."""
    limit = ends[first] + capacity
    last = max(bisect_right(ends, limit) - 1, first + 1)
    if last == len(words):
        return last
    earliest = max(bisect_left(ends, limit - capacity * SLACK), first + 1)
    return next((n for n in range(last, earliest, -1) if _SENTENCE_END.search(words[n - 1])), last)


def _next_start(words: Sequence[str], ends: Sequence[int], first: int, last: int) -> int:
    """Return the start of the next window: one overlap back, at the start of a sentence if possible."""
    overlap = (ends[last] - ends[first]) * OVERLAP
    earliest = max(bisect_left(ends, ends[last] - overlap), first + 1)
    start = min(earliest, max(last - 1, first + 1))
    return next((n for n in range(start, last) if _SENTENCE_END.search(words[n - 1])), start)
