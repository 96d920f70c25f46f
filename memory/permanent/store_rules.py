"""Rules common to all permanent stores: keys, valid texts and the token cap."""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from memory.database import require_utf8
from memory.errors import FactsFull
from memory.models import Fact

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
    """Return the case-folded key, equal for all its spellings; raises as `normalize_key` does."""
    return unicodedata.normalize("NFC", normalize_key(key).casefold())


@dataclass(frozen=True, slots=True)
class TokenCap:
    """Limit on the tokens of all current facts as `key: value` lines."""

    count: Callable[[str], int]
    most: int

    def check(self, key: str, before: Iterable[Fact], after: Iterable[Fact]) -> None:
        """Check the facts after a write of `key`; a write that makes them shorter is always allowed.

        Raises:
            FactsFull: the facts exceed the cap, and this write made them longer.
        """
        had, has = self._tokens(before), self._tokens(after)
        if has > max(self.most, had):
            raise FactsFull(
                TIER,
                f"with {key!r} the facts would take {has} tokens of {self.most} ({had} now);"
                " shorten it, or forget a fact that is no longer needed",
            )

    def _tokens(self, facts: Iterable[Fact]) -> int:
        return sum(self.count(f"{fact.key}: {fact.value}\n") for fact in facts)
