"""Whether a reply made use of a memory, told by the words that it took from it."""

from memory.lexical.analysis import UNKNOWN, language_of
from memory.recall.duplicates import words_of
from memory.text.marks import knows_nothing

READ_CHARS = 4000
"""Characters of each text that are looked at."""


def is_used(memory: str, *, reply: str, message: str) -> bool:
    """Tell whether `reply` holds a word of `memory` that `message` does not hold, or there is none.

    In another language words are others: it counts as used, unless the reply says that it knows nothing.
    """
    own = words_of(memory[:READ_CHARS]) - words_of(message[:READ_CHARS])
    if not own or own & words_of(reply[:READ_CHARS]):
        return True
    languages = {_language(memory), _language(reply)} - {UNKNOWN}
    return len(languages) > 1 and not knows_nothing(reply)


def _language(text: str) -> str:
    plain = text[:READ_CHARS].lower()
    return language_of(plain, plain.split(), before=UNKNOWN)
