"""Pending edits of an owner's document; applying one twice has no further effect."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from memory.errors import GoatError
from memory.permanent.letta.letta_document import Document
from memory.permanent.permanent_records import Records
from memory.permanent.store_rules import TokenCap, identifier
from memory.text.columns import to_micros

T = TypeVar("T")
Change = Callable[[Document, str], tuple[Document, T]]


@dataclass(slots=True, eq=False)
class Edit(Generic[T]):
    """One change and its outcome.

    Attributes:
        change: takes a document and an id; returns the document with the change under that id, and the result
            for the caller. Returns the same document when nothing changes; raises to reject the change.
        settled: the change was written, rejected or has failed permanently.
    """

    change: Change[T]
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    settled: bool = False
    _result: list[T] = field(default_factory=list)
    _problem: Exception | None = None

    def apply(self, document: Document) -> Document:
        """Return the document with the change, or the same one if it already contains it."""
        if self.is_in(document):
            return document
        self._problem = None
        try:
            document, result = self.change(document, self.id)
        except (GoatError, ValueError) as error:
            self._problem = error
        else:
            self._result = [result]
        return document

    def is_in(self, document: Document) -> bool:
        """Return whether the document contains the change."""
        return any(known.startswith(self.id) for known in document.ids)

    def settle(self, problem: Exception | None = None) -> None:
        """Mark the edit as settled; does nothing if it already is."""
        if not self.settled:
            self.settled, self._problem = True, self._problem or problem

    def outcome(self) -> T:
        """Return the change's result, or raise the error that rejected it."""
        if self._problem is not None:
            raise self._problem
        return self._result[0]


AnyEdit = Edit[Any]


def upsert(key: str, value: str, at: int, cap: TokenCap) -> Change[None]:
    """Write a fact, unless the facts would exceed the cap."""

    def change(document: Document, id_: str) -> tuple[Document, None]:
        changed = document.with_entries((id_, key, value, at))
        cap.check(key, document.current, changed.current)
        return changed, None

    return change


def forget(key: str, at: int) -> Change[bool]:
    """Remove a current fact; the result is whether there is one fewer."""

    def change(document: Document, id_: str) -> tuple[Document, bool]:
        standing = document.current
        if identifier(key) not in {identifier(fact.key) for fact in standing}:
            return document, False
        changed = document.with_entries((id_, key, None, at))
        return changed, len(changed.current) < len(standing)

    return change


def set_identity(text: str | None, at: int) -> Change[None]:
    """Write the identity override."""

    def change(document: Document, id_: str) -> tuple[Document, None]:
        return document.with_entries((id_, None, text, at)), None

    return change


def restore(records: Records) -> Change[Records]:
    """Append the missing records; the result is those records."""

    def change(document: Document, id_: str) -> tuple[Document, Records]:
        missing = records.without(document.records())
        facts = [(fact.key, fact.value, fact.at) for fact in missing.facts]
        entries = [*facts, *((None, one.text, one.at) for one in missing.identities)]
        numbered = [
            (f"{id_}-{number}", key, text, to_micros(at)) for number, (key, text, at) in enumerate(entries)
        ]
        return document.with_entries(*numbered), missing

    return change
