"""Changes that wait to be written to an owner's document, and are the same however often they are tried."""

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
    """One change, and what became of it.

    Attributes:
        change: returns the document with the change in it, under an id that it is given, and what to tell
            whoever asked for it; the same document when there is nothing to change; raises to refuse.
        settled: it is written, refused or failed for good.
    """

    change: Change[T]
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    settled: bool = False
    _told: list[T] = field(default_factory=list)
    _problem: Exception | None = None

    def tried(self, document: Document) -> Document:
        """Return the document with the change in it; one that holds it already stays as it is."""
        if self.stands_in(document):
            return document
        self._problem = None
        try:
            document, told = self.change(document, self.id)
        except (GoatError, ValueError) as error:
            self._problem = error
        else:
            self._told = [told]
        return document

    def stands_in(self, document: Document) -> bool:
        """Return whether the document holds the change."""
        return any(known.startswith(self.id) for known in document.ids)

    def settle(self, problem: Exception | None = None) -> None:
        """Say that nothing more will become of it; what was settled stays so."""
        if not self.settled:
            self.settled, self._problem = True, self._problem or problem

    def outcome(self) -> T:
        """Return what the change told; raises what kept it from being written."""
        if self._problem is not None:
            raise self._problem
        return self._told[0]


AnyEdit = Edit[Any]


def upsert(key: str, value: str, at: int, cap: TokenCap) -> Change[None]:
    """Write a fact, unless that passes the cap."""

    def change(document: Document, id_: str) -> tuple[Document, None]:
        changed = document.adding((id_, key, value, at))
        cap.check(key, document.current, changed.current)
        return changed, None

    return change


def forget(key: str, at: int) -> Change[bool]:
    """Take a fact out of the current ones; tells whether there is one less."""

    def change(document: Document, id_: str) -> tuple[Document, bool]:
        standing = document.current
        if identifier(key) not in {identifier(fact.key) for fact in standing}:
            return document, False
        changed = document.adding((id_, key, None, at))
        return changed, len(changed.current) < len(standing)

    return change


def set_identity(text: str | None, at: int) -> Change[None]:
    """Write the identity override."""

    def change(document: Document, id_: str) -> tuple[Document, None]:
        return document.adding((id_, None, text, at)), None

    return change


def restore(records: Records) -> Change[Records]:
    """Write the records that are not there, and tell which."""

    def change(document: Document, id_: str) -> tuple[Document, Records]:
        missing = records.without(document.records())
        facts = [(fact.key, fact.value, fact.at) for fact in missing.facts]
        writings = [*facts, *((None, one.text, one.at) for one in missing.identities)]
        numbered = [
            (f"{id_}-{number}", key, text, to_micros(at)) for number, (key, text, at) in enumerate(writings)
        ]
        return document.adding(*numbered), missing

    return change
