"""Detection of memories that a reply used, by the words that it took from them."""

from memory.lexical.analysis import UNKNOWN, language_of
from memory.recall.duplicates import words_of
from memory.text.marks import knows_nothing

READ_CHARS = 4000
"""Characters read of each text."""


def is_used(memory: str, *, reply: str, message: str) -> bool:
    """Return whether `reply` holds a word of `memory` that `message` lacks, or `memory` has no such word.

    Words can't be compared across languages: there it counts as used unless the reply says it doesn't know.
    """
    own = words_of(memory[:READ_CHARS]) - words_of(message[:READ_CHARS])
    if not own or own & words_of(reply[:READ_CHARS]):
        return True
    languages = {_language(memory), _language(reply)} - {UNKNOWN}
    return len(languages) > 1 and not knows_nothing(reply)


def _language(text: str) -> str:
    plain = text[:READ_CHARS].lower()
    return language_of(plain, plain.split(), before=UNKNOWN)
