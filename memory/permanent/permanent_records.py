"""Everything that a permanent store has ever been told of an owner, in the order in which it was told."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from memory.permanent.store_rules import identifier
from memory.protocols import PermanentStore

R = TypeVar("R", bound="FactRecord | IdentityRecord")


@dataclass(frozen=True, slots=True)
class FactRecord:
    """One writing of a fact."""

    key: str
    value: str | None
    """None: it was forgotten."""
    at: datetime


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """One writing of the identity override."""

    text: str | None
    """None: back to the configured persona."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Records:
    """All writings, oldest first."""

    facts: tuple[FactRecord, ...] = ()
    identities: tuple[IdentityRecord, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.facts or self.identities)

    def __len__(self) -> int:
        return len(self.facts) + len(self.identities)

    def without(self, others: "Records") -> "Records":
        """Return what `others` does not hold, as often as it does not hold it."""
        return Records(_without(self.facts, others.facts), _without(self.identities, others.identities))

    @property
    def keys(self) -> int:
        """How many keys have ever been written."""
        return len({identifier(record.key) for record in self.facts})


class RecordedStore(PermanentStore, Protocol):
    """A permanent store that can hand over all it knows, and take over what another one knew."""

    async def records(self, *, owner: str) -> Records:
        """Read everything that was ever written."""
        ...

    async def restore(self, records: Records, *, owner: str) -> Records:
        """Write, in their order and at once, the records that are not there; return those.

        The token cap is not asked: the facts stood in a store already.
        """
        ...

    async def owners(self) -> list[str]:
        """List the owners that something may be kept of, sorted."""
        ...


def _without(records: Sequence[R], others: Iterable[R]) -> tuple[R, ...]:
    left = Counter(others)
    missing = []
    for record in records:
        if left[record]:
            left[record] -= 1
        else:
            missing.append(record)
    return tuple(missing)
