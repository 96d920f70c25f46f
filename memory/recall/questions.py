"""Detection of questions: a question by itself is no memory of an answer."""

import re
from typing import Protocol

from memory.prompt.token_budget import fold

_READ_CHARS = 4000
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？؟])\s+|\n+")
_MARKED = re.compile(r"[?？؟]\W*$")
_TAG = re.compile(
    r",\s*(?:right|ok(?:ay)?|remember|yes|no|correct|isn'?t it|da|nu|bine|corect|nu-i asa|tii minte)\W*$"
)
"""A tag question: `it is in the cellar, right?` is a statement."""
_UNMARKED = re.compile(
    r"(?:who|what|when|where|why|how|which)(?:'s"
    r"| (?:am|is|are|was|were|do|does|did|can|could|will|would|should|has|have|had))\b.*\w$"
    r"|(?:cine|ce|cand|unde|cum|cat|care|de ce) (?:e|este|sunt|era|erau|am|ai|a|au|s-a)\b.*\w$",
    re.DOTALL,
)
"""A question in English or Romanian without a question mark; expects folded text."""
_ASIDE_WORDS = 2
"""Most words of a sentence next to a question that is only a greeting or the like."""


class MessageAndReply(Protocol):
    """A message and its reply."""

    @property
    def said(self) -> str: ...
    @property
    def reply(self) -> str: ...


def is_bare_question(said: MessageAndReply) -> bool:
    """Say whether there is a question and nothing else: no statement, and no reply at all."""
    return not said.reply and only_asks(said.said)


def only_asks(text: str) -> bool:
    """Return whether a text holds only questions; False when in doubt."""
    sentences = [one for one in map(str.strip, _SENTENCE_END.split(text[:_READ_CHARS])) if one]
    stated = [one for one in sentences if not _is_question(one)]
    return len(stated) < len(sentences) and all(len(one.split()) <= _ASIDE_WORDS for one in stated)


def _is_question(sentence: str) -> bool:
    folded = fold(sentence)
    if _MARKED.search(sentence):
        return not _TAG.search(folded)
    return bool(_UNMARKED.match(folded))
