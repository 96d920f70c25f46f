"""Complete history of an owner's permanent memory, in the order of writing."""

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
    """All writes, oldest first."""

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


class RecordedStore(PermanentStore, Protocol):
    """A permanent store that can export and import its complete history."""

    async def records(self, *, owner: str) -> Records: ...

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
