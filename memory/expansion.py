"""Messages that mean nothing alone ("and what about her?", "da, aia"), searched with what came before."""

import re
from collections.abc import Sequence

from memory.lexical.analysis import query_terms

FEW = 3
"""Words, stop words apart, up to which a message that points back is searched with what it points to."""
BEFORE = 2
"""Messages of the thread that are taken along."""
BEFORE_CHARS = 400
"""Characters of each."""

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


def is_fragment(message: str) -> bool:
    """Tell whether a message leans on what was said before it."""
    words = len(query_terms(message))
    return words == 0 or (words <= FEW and _POINTS_BACK.search(message) is not None)


def expanded(message: str, before: Sequence[str]) -> str:
    """Return what to search for: the message, after the last of those `before` it if need be.

    Args:
        message: what was just said.
        before: what the same person said in the thread before it, oldest first.
    """
    if not before or not is_fragment(message):
        return message
    lines = [line[:BEFORE_CHARS] for line in before[-BEFORE:]]
    return "\n".join([*lines, message])
