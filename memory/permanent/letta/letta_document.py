"""An owner's permanent memory as values: a log of what was written, and what stands by it."""

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
Writing = tuple[str, str | None, str | None, int]
"""The fields of an entry after its number."""


@dataclass(frozen=True)
class Entry:
    """One writing of a fact, or of the identity."""

    number: int
    """Grows by one with each writing; two processes may use one number at once."""
    id: str
    """Unique; settles the order of one number."""
    key: str | None
    """None: this is an identity."""
    text: str | None
    """None: forgotten, or back to the configured persona."""
    at: int
    """Microseconds since 1970."""

    @cached_property
    def name(self) -> str:
        """What the spellings of its key have in common."""
        return identifier(self.key or "")


@dataclass(frozen=True)
class Document:
    """All entries, in their order; entries are only ever added, so documents can be united in any order."""

    entries: tuple[Entry, ...] = ()

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of all entries."""
        return frozenset(entry.id for entry in self.entries)

    def adding(self, *writings: Writing) -> "Document":
        """Return the document with entries at the end."""
        first = self.entries[-1].number + 1 if self.entries else 1
        added = (Entry(number, *writing) for number, writing in enumerate(writings, first))
        return Document((*self.entries, *added)) if writings else self

    def united(self, others: Iterable["Document"]) -> "Document":
        """Return the document with what others hold besides."""
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
        """The facts that stand, newest first."""
        return self.stood(END_OF_TIME)

    def stood(self, until: int) -> list[Fact]:
        """Return the facts that stood at a time, in microseconds since 1970, newest first."""
        newest: dict[str, Entry] = {}
        for entry in self._newest_first():
            if entry.at <= until:
                newest.setdefault(entry.name, entry)
        return [_fact(entry) for entry in newest.values() if entry.text is not None]

    def history(self, name: str) -> list[Fact]:
        """Return every value of the key with this identifier, newest first."""
        return [_fact(e) for e in self._newest_first() if e.name == name and e.text is not None]

    def identities(self) -> list[tuple[str | None, datetime]]:
        """Return every override and when it was written, the latest first."""
        return [(e.text, from_micros(e.at)) for e in reversed(self.entries) if e.key is None]

    def records(self) -> Records:
        """Return everything in the order in which it was written."""
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
