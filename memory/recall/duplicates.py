"""Which texts say the same, by the words that they share."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from memory.lexical.analysis import terms
from memory.recall.questions import is_bare_question

NEARLY_ALL = 0.85
"""Share of the words of both together from which two texts say the same."""
CONTAINED = 0.9
"""Share of a text's words that another holds, from which it tells nothing new."""
SAME_MATTER = 0.5
"""Share of the words of the shorter from which two texts are about the same matter."""


READ_CHARS = 4000
_WORD = re.compile(r"\w+")


class Told(Protocol):
    """What was said, and when."""

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
    """Tell whether two texts say nearly the same, figures and all; texts without words never do."""
    if not one or not other or len(one & other) < NEARLY_ALL * len(one | other):
        return False
    return not any(any(map(str.isdigit, word)) for word in one ^ other)


def contained(text: frozenset[str], others: frozenset[str]) -> bool:
    """Tell whether what a text says stands in `others` already."""
    return bool(text) and len(text & others) >= CONTAINED * len(text)


def same_matter(one: frozenset[str], other: frozenset[str]) -> bool:
    """Tell whether two texts are about the same matter, as when one corrects the other."""
    shorter = min(len(one), len(other))
    return bool(shorter) and len(one & other) >= SAME_MATTER * shorter


def asks_again(told: Told, message: str) -> bool:
    """Tell whether a memory is nothing but this very message, said before and not answered."""
    return not told.reply and _plain(told.said) == _plain(message)


def _plain(text: str) -> list[str]:
    return _WORD.findall(text[:READ_CHARS].casefold())


def repeated(told: Sequence[Told]) -> set[int]:
    """Return the places of those that a later one repeats; of equals in time the first one stays.

    A question that was not answered repeats nothing, however late: it is repeated by what tells.
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
