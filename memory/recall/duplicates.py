"""Duplicate texts, found by the words that they share."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from memory.lexical.analysis import terms
from memory.recall.questions import is_bare_question

NEARLY_ALL = 0.85
"""Jaccard similarity from which two texts are duplicates."""
CONTAINED = 0.9
"""Share of a text's words found in another, from which the text adds nothing new."""
SAME_MATTER = 0.5
"""Share of the shorter text's words from which two texts have the same subject."""


READ_CHARS = 4000
_WORD = re.compile(r"\w+")


class DatedMessageAndReply(Protocol):
    """A message with its reply and time."""

    @property
    def said(self) -> str: ...
    @property
    def reply(self) -> str: ...
    @property
    def at(self) -> datetime: ...


def words_of(text: str) -> frozenset[str]:
    """Return the distinct terms of a text."""
    return frozenset(terms(text))


def same(one: frozenset[str], other: frozenset[str]) -> bool:
    """Return whether two texts say nearly the same, with the same figures; texts without words never do."""
    if not one or not other or len(one & other) < NEARLY_ALL * len(one | other):
        return False
    return not any(any(map(str.isdigit, word)) for word in one ^ other)


def is_contained(text: frozenset[str], others: frozenset[str]) -> bool:
    """Return whether `others` hold nearly all words of a text."""
    return bool(text) and len(text & others) >= CONTAINED * len(text)


def same_subject(one: frozenset[str], other: frozenset[str]) -> bool:
    """Return whether two texts have the same subject, as when one corrects the other."""
    shorter = min(len(one), len(other))
    return bool(shorter) and len(one & other) >= SAME_MATTER * shorter


def repeats_message(told: DatedMessageAndReply, message: str) -> bool:
    """Return whether a memory is only this same message, unanswered."""
    return not told.reply and _plain(told.said) == _plain(message)


def _plain(text: str) -> list[str]:
    return _WORD.findall(text[:READ_CHARS].casefold())


def find_repeated(told: Sequence[DatedMessageAndReply]) -> set[int]:
    """Return the indices of exchanges that a later one repeats; of equal times the first is kept.

    Any statement or answered question wins over an unanswered question, however late.
    """
    words = [words_of(f"{each.said} {each.reply}") for each in told]
    tells = [not is_bare_question(each) for each in told]
    latest_first = sorted(
        range(len(told)), key=lambda place: (tells[place], told[place].at, -place), reverse=True
    )
    standing: list[int] = []
    for place in latest_first:
        if not any(same(words[place], words[other]) for other in standing):
            standing.append(place)
    return set(range(len(told))) - set(standing)
