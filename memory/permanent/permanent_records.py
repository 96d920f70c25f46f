"""What all permanent stores have in common: methods, keys, the cap on facts, and the history of writes."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar

from memory.database import require_utf8
from memory.errors import FactsFull, MemoryTierError
from memory.models import Fact

TIER: Final = "permanent"
LONGEST_KEY: Final = 200
R = TypeVar("R", bound="FactRecord | IdentityRecord")


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


@dataclass(frozen=True, slots=True)
class FactRecord:
    key: str
    value: str | None
    """None for a forgotten fact."""
    at: datetime


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    text: str | None
    """None for the configured persona."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Records:
    """All writes of an owner, oldest first."""

    facts: tuple[FactRecord, ...] = ()
    identities: tuple[IdentityRecord, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.facts or self.identities)

    def __len__(self) -> int:
        return len(self.facts) + len(self.identities)

    def without(self, others: "Records") -> "Records":
        """Return the records that are missing in `others`; counts duplicates."""
        return Records(_without(self.facts, others.facts), _without(self.identities, others.identities))

    @property
    def keys(self) -> int:
        return len({identifier(record.key) for record in self.facts})


class PermanentStore(Protocol):
    """L0 and L1: identity override and curated facts; its methods raise as those in `memory.protocols` do."""

    async def identity(self, *, owner: str) -> str | None:
        """Return the owner's identity override, or None."""
        ...

    async def set_identity(self, text: str | None, *, owner: str) -> None:
        """Set the override; None restores the configured persona. Earlier overrides stay in the history.

        Raises:
            ValueError: the text has a lone surrogate.
        """
        ...

    async def identity_history(self, *, owner: str) -> list[tuple[str | None, datetime]]:
        """Return every override with its time, newest first; None is the configured persona."""
        ...

    async def facts(self, *, owner: str, as_of: datetime | None = None) -> list[Fact]:
        """Return the facts, newest first; with `as_of`, the facts of that time."""
        ...

    async def upsert(self, key: str, value: str, *, owner: str, at: datetime) -> None:
        """Write a fact; the newest `at` of a key wins, and every value stays in the history.

        Raises:
            FactsFull: all facts together would exceed the token cap, and this one adds to them.
            ValueError: the key is empty or longer than 200 characters, or a text cannot be stored.
        """
        ...

    async def forget(self, key: str, *, owner: str, at: datetime) -> bool:
        """Remove a current fact but keep its history; return whether it existed."""
        ...

    async def history(self, key: str, *, owner: str) -> list[Fact]:
        """Return every value of a key, newest first."""
        ...

    async def erase_facts(self, keys: Mapping[str, datetime], *, owner: str) -> None:
        """Delete each key's values up to its time, permanently; later ones stay."""
        ...

    async def erase(self, *, owner: str) -> None:
        """Delete the owner's identity, facts and history permanently."""
        ...

    async def records(self, *, owner: str) -> Records:
        """Return the complete history, for `restore` in another store."""
        ...

    async def restore(self, records: Records, *, owner: str) -> Records:
        """Append missing records in order, atomically; return them.

        The token cap does not apply, because the facts come from another store.
        """
        ...

    async def owners(self) -> list[str]: ...


def _without(records: Sequence[R], others: Iterable[R]) -> tuple[R, ...]:
    left = Counter(others)
    missing = []
    for record in records:
        if left[record]:
            left[record] -= 1
        else:
            missing.append(record)
    return tuple(missing)


@dataclass(frozen=True, slots=True)
class CopyResult:
    owner: str
    records: Records
    """All records of the source."""
    added: Records
    """Records that were missing in the target."""


class CopyRefused(MemoryTierError):
    """The target has records that the source has not."""


async def copy_owner(
    source: PermanentStore, target: PermanentStore, *, owner: str, merge: bool = False
) -> CopyResult:
    """Copy the records that `target` lacks, and verify them by reading back.

    Can be repeated, also after an interruption. With `merge`, the target's other records stay; of two values
    of a key the newest wins, and the source's identity wins if it is new to the target.

    Raises:
        CopyRefused: the target has other records, and `merge` is not set.
        MemoryTierError: a store failed, or the verification did.
    """
    records, there = await source.records(owner=owner), await target.records(owner=owner)
    others = there.without(records)
    if others and not merge:
        raise CopyRefused(TIER, _refusal(owner, others))
    added = await target.restore(records, owner=owner) if records else records
    stored = await target.records(owner=owner)
    if records.without(stored) or there.without(stored) or not (there or stored == records):
        raise MemoryTierError(
            TIER, f"what was copied of {owner} does not read back as written; copy it again"
        )
    return CopyResult(owner, records, added)


def _refusal(owner: str, others: Records) -> str:
    return (
        f"the target holds {len(others)} writings of {owner} that the source does not"
        f" ({others.keys} facts, {len(others.identities)} identities); nothing was copied."
        " To have both, copy with --merge"
    )
