"""What every permanent store keeps to, wherever it keeps it: keys, the token cap, the texts of refusals."""

import unicodedata
from collections.abc import Callable, Iterable
from typing import Final

from memory.errors import FactsFull
from memory.models import Fact
from memory.text.columns import require_utf8

TIER: Final = "permanent"
LONGEST_KEY: Final = 200


def spelt(key: str) -> str:
    """Return the key as it is kept and shown.

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
    """Return what two spellings of one key have in common.

    Raises:
        ValueError: the key is empty or longer than 200 characters, or cannot be stored.
    """
    return unicodedata.normalize("NFC", spelt(key).casefold())


def value_of_fact(value: str) -> str:
    """Return `value` when it can be stored.

    Raises:
        ValueError: it holds a lone surrogate.
    """
    return require_utf8(value, "the value of a fact")


def identity_text(text: str | None) -> str | None:
    """Return the identity override when it can be stored.

    Raises:
        ValueError: it holds a lone surrogate.
    """
    return text if text is None else require_utf8(text, "the identity")


class TokenCap:
    """Refuse facts that take more tokens than allowed.

    Args:
        count: how many tokens a text takes in the prompt.
        most: how many all current facts, as `key: value` lines, may take together.
    """

    def __init__(self, count: Callable[[str], int], most: int) -> None:
        self._count = count
        self._most = most

    def check(self, key: str, before: Iterable[Fact], after: Iterable[Fact]) -> None:
        """Compare the facts before and after `key` was written; what makes them fewer is always allowed.

        Raises:
            FactsFull: they would pass the cap, and this one makes it worse.
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
