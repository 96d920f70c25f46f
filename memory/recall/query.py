"""Search queries read from messages: a text, and what each mechanism looks for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TypeVar

from memory.lexical.analysis import identifier, query_terms
from memory.recall.mechanisms import MECHANISMS, Retriever
from memory.temporal import written_dates as dates
from memory.temporal.tense import warm_up as warm_up_tenses
from memory.temporal.time_finder import find_range

QUERY_CHARS = 4000
T = TypeVar("T", bound=Retriever)

FEW = 3
"""Most words, without stop words, of a message with a pronoun that is expanded."""
BEFORE = 2
"""Earlier messages of the thread that are prepended."""
BEFORE_CHARS = 400
"""Characters taken from each of them."""

_BEGINNINGS = (
    "and|but|so|then|or|what about|how about|yes|no|ok|okay|the other",
    "si|și|dar|iar|pai|păi|deci|sau|atunci|da|nu|cum asa|cum așa",
)
_POINTERS = (
    "it|that|those|these|he|she|him|her|his|hers|they|them|their|one|ones|same|else",
    "el|ea|ei|ele|lui|lor|asta|ăsta|astea|ăștia|aia|ăla|alea|ăia|acela|aceea|aceia|acelea|acolo",
    "acesta|aceasta|acestea|aceștia|acestia|altul|alta|celalalt|celălalt|cealalta|cealaltă",
)
_POINTS_BACK = re.compile(rf"^\W*(?:{'|'.join(_BEGINNINGS)})\b|\b(?:{'|'.join(_POINTERS)})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ArchiveQuery:
    """A message as a query of the archive."""

    text: str
    """A search request."""
    by: tuple[Retriever, ...] = ()
    """What the mechanisms look for that have something to look for."""

    def sought(self, kind: type[T]) -> T | None:
        """Return what one mechanism looks for."""
        return next((one for one in self.by if isinstance(one, kind)), None)


def warm_up() -> None:
    """Load all that the first query needs, blocking: language model, stemmers, date and tense words."""
    identifier()
    dates.warm_up()
    query_terms("și 漢字")
    find_range("what did we say last week?", now=datetime.now(UTC), zone=UTC)
    warm_up_tenses()


def read_query(message: str, *, before: Sequence[str], now: datetime, zone: tzinfo) -> ArchiveQuery:
    """Read a message written at `now` (aware) in `zone` after `before`, its author's own, oldest first."""
    text = expand(message[:QUERY_CHARS], before)
    read = [one.read(message, now=now, zone=zone) for one in MECHANISMS]
    return ArchiveQuery(text[-QUERY_CHARS:], tuple(one for one in read if one is not None))


def is_fragment(message: str) -> bool:
    """Return whether a message makes sense only with the messages before it."""
    words = len(query_terms(message))
    return words == 0 or (words <= FEW and _POINTS_BACK.search(message) is not None)


def expand(message: str, before: Sequence[str]) -> str:
    """Return the search text: the message, with the last of those `before` it prepended if it is a fragment.

    Args:
        message: the new message.
        before: earlier messages of its author in the thread, oldest first.
    """
    if not before or not is_fragment(message):
        return message
    lines = [line[:BEFORE_CHARS] for line in before[-BEFORE:]]
    return "\n".join([*lines, message])
