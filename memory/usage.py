"""Whether a reply made use of a memory, told by the words that it took from it."""

from memory.duplicates import words_of

TAKEN = 2
"""Words of a memory, not said by the message itself, from which on a reply made use of it."""


def is_used(memory: str, *, reply: str, message: str) -> bool:
    """Tell whether `reply` says something of `memory` that `message` did not say."""
    own = words_of(memory) - words_of(message)
    return len(own & words_of(reply)) >= min(TAKEN, len(own))
