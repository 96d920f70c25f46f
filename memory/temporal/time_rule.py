"""What a rule is: words, the time they stand for, and what the sentence must speak of for them to count."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from memory.temporal.time_spans import Moment, Span
from memory.temporal.time_words import Language
from memory.text.lazy_pattern import LazyPattern

_BLANKS = re.compile(r"\(\?<[!=][^)]*\)| ")  # what looks behind must stay of one width
Reader = Callable[[re.Match[str], Moment], Span | None]


class Needs(StrEnum):
    """What must be so for a time to be meant."""

    NOTHING = "nothing"
    """The words speak of the past themselves."""
    NO_OTHER_TENSE = "no other tense"
    """Nothing says otherwise, and it is over; or the sentence speaks of the past."""
    PAST = "past"
    """The sentence speaks of the past."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A way to name a time."""

    pattern: LazyPattern
    read: Reader
    needs: Needs
    language: Language


def rule(pattern: str, read: Reader, *, needs: Needs, language: Language) -> Rule:
    """Return the rule for words that begin and end as words do; blanks stand for any white space."""
    flexible = _BLANKS.sub(lambda blank: r"\s{1,3}" if blank[0] == " " else blank[0], pattern)
    return Rule(LazyPattern(rf"(?<![\w'-])(?:{flexible})(?![\w-])"), read, needs, language)
