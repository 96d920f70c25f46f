"""Whether a reply made use of a memory, told by the words that it took from it."""

from memory.duplicates import words_of

READ_CHARS = 4000
"""Characters of each text that are looked at."""


def is_used(memory: str, *, reply: str, message: str) -> bool:
    """Tell whether `reply` holds a word of `memory` that `message` does not hold, or there is none."""
    own = words_of(memory[:READ_CHARS]) - words_of(message[:READ_CHARS])
    return not own or bool(own & words_of(reply[:READ_CHARS]))
