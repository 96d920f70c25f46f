"""Rules common to all permanent stores: keys, valid texts and the token cap."""

import unicodedata
from collections.abc import Callable, Iterable
from typing import Final

from memory.errors import FactsFull
from memory.models import Fact
from memory.text.columns import require_utf8

TIER: Final = "permanent"
LONGEST_KEY: Final = 200


def normalize_key(key: str) -> str:
    """Return the key as it is stored and shown.

    Raises:
        ValueError: the key is empty or longer than 200 characters, or cannot be stored.
    """
    kept = unicodedata.normalize("NFC", require_utf8(key, "the key of a fact")).strip()
    if not kept:
        raise ValueError("the key of a fact is empty; name what it is about")
    if len(kept) > LONGEST_KEY:
        raise ValueError(f"the key of a fact has {len(kept)} characters; at most {LONGEST_KEY} are allowed")
    return kept


def identifier(key: str) -> str:
    """Return the case-folded key, equal for all its spellings.

    Raises:
        ValueError: the key is empty or longer than 200 characters, or cannot be stored.
    """
    return unicodedata.normalize("NFC", normalize_key(key).casefold())


def check_value(value: str) -> str:
    """Return `value` if it can be stored.

    Raises:
        ValueError: it has a lone surrogate.
    """
    return require_utf8(value, "the value of a fact")


def check_identity(text: str | None) -> str | None:
    """Return the identity override if it can be stored.

    Raises:
        ValueError: it has a lone surrogate.
    """
    return text if text is None else require_utf8(text, "the identity")


class TokenCap:
    """Limit on the tokens of all current facts.

    Args:
        count: counts the tokens of a text.
        most: returns the most tokens of all current facts as `key: value` lines.
    """

    def __init__(self, count: Callable[[str], int], most: int) -> None:
        self._count = count
        self._most = most

    def check(self, key: str, before: Iterable[Fact], after: Iterable[Fact]) -> None:
        """Check the facts after a write of `key`; a write that makes them shorter is always allowed.

        Raises:
            FactsFull: the facts exceed the cap, and this write made them longer.
        """
        had, has, most = self._tokens(before), self._tokens(after), self._most
        if has > max(most, had):
            raise FactsFull(
                TIER,
                f"with {key!r} the facts would take {has} tokens of {most} ({had} now);"
                " shorten it, or forget a fact that is no longer needed",
            )

    def _tokens(self, facts: Iterable[Fact]) -> int:
        return sum(self._count(f"{fact.key}: {fact.value}\n") for fact in facts)
