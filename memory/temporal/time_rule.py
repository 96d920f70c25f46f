"""Rules: a pattern, a reader of its matches, and the tense that it needs."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from memory.temporal.time_spans import Moment, Span
from memory.temporal.time_words import Language
from memory.text.lazy_pattern import LazyPattern

_BLANKS = re.compile(r"\(\?<[!=][^)]*\)| ")  # lookbehinds need a fixed width
Reader = Callable[[re.Match[str], Moment], Span | None]


class Needs(StrEnum):
    """The tense that a rule needs."""

    NOTHING = "nothing"
    """The words are past in themselves."""
    NO_OTHER_TENSE = "no other tense"
    """The sentence is past, or has no tense and the time is over."""
    PAST = "past"
    """The sentence is past."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern of past times."""

    pattern: LazyPattern
    read: Reader
    needs: Needs
    language: Language


def rule(pattern: str, read: Reader, *, needs: Needs, language: Language) -> Rule:
    """Build a rule that matches whole words; spaces in `pattern` match any white space."""
    flexible = _BLANKS.sub(lambda blank: r"\s{1,3}" if blank[0] == " " else blank[0], pattern)
    return Rule(LazyPattern(rf"(?<![\w'-])(?:{flexible})(?![\w-])"), read, needs, language)
