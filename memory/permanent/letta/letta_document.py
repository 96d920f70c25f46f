"""An owner's permanent memory as a value: a log of entries, and the facts that follow from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from memory.models import Fact
from memory.permanent.permanent_records import FactRecord, IdentityRecord, Records
from memory.permanent.store_rules import identifier
from memory.text.columns import from_micros

END_OF_TIME: Final = 2**63 - 1
EntryFields = tuple[str, str | None, str | None, int]
"""Fields of an entry without its number."""


@dataclass(frozen=True)
class Entry:
    """One write of a fact or of the identity."""

    number: int
    """Sequence number; two processes may use the same one concurrently."""
    id: str
    """Unique; orders entries with the same number."""
    key: str | None
    """None for an identity."""
    text: str | None
    """None for a forgotten fact, or the configured persona."""
    at: int
    """Microseconds since the epoch."""

    @cached_property
    def name(self) -> str:
        """Identifier of the key, equal for all its spellings."""
        return identifier(self.key or "")


@dataclass(frozen=True)
class Document:
    """All entries in order. The log is append-only, so documents can be merged in any order."""

    entries: tuple[Entry, ...] = ()

    @cached_property
    def ids(self) -> frozenset[str]:
        """Ids of all entries."""
        return frozenset(entry.id for entry in self.entries)

    def with_entries(self, *writings: EntryFields) -> "Document":
        """Return the document with entries appended."""
        first = self.entries[-1].number + 1 if self.entries else 1
        added = (Entry(number, *writing) for number, writing in enumerate(writings, first))
        return Document((*self.entries, *added)) if writings else self

    def merge(self, others: Iterable["Document"]) -> "Document":
        """Return the document merged with others."""
        entries = {entry.id: entry for entry in self.entries}
        for other in others:
            entries |= {entry.id: entry for entry in other.entries}
        return (
            self
            if len(entries) == len(self.entries)
            else Document(tuple(sorted(entries.values(), key=_place)))
        )

    @cached_property
    def current(self) -> list[Fact]:
        """Current facts, newest first."""
        return self.facts_at(END_OF_TIME)

    def facts_at(self, until: int) -> list[Fact]:
        """Return the facts at a time in microseconds since the epoch, newest first."""
        newest: dict[str, Entry] = {}
        for entry in self._newest_first():
            if entry.at <= until:
                newest.setdefault(entry.name, entry)
        return [_fact(entry) for entry in newest.values() if entry.text is not None]

    def history(self, name: str) -> list[Fact]:
        """Return every value of the key with this identifier, newest first."""
        return [_fact(e) for e in self._newest_first() if e.name == name and e.text is not None]

    def identities(self) -> list[tuple[str | None, datetime]]:
        """Return every override with its time, newest first."""
        return [(e.text, from_micros(e.at)) for e in reversed(self.entries) if e.key is None]

    def records(self) -> Records:
        """Return all entries as records, in order."""
        return Records(
            tuple(FactRecord(e.key, e.text, from_micros(e.at)) for e in self.entries if e.key is not None),
            tuple(IdentityRecord(e.text, from_micros(e.at)) for e in self.entries if e.key is None),
        )

    def _newest_first(self) -> list[Entry]:
        facts = [entry for entry in self.entries if entry.key is not None]
        return sorted(facts, key=lambda entry: (entry.at, *_place(entry)), reverse=True)


def _place(entry: Entry) -> tuple[int, str]:
    return entry.number, entry.id


def _fact(entry: Entry) -> Fact:
    return Fact(key=entry.key or "", value=entry.text or "", at=from_micros(entry.at))
