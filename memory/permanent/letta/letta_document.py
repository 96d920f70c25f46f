"""An owner's permanent memory: a log of entries, the facts that follow from it, and its text in a block.

The text is JSON that people can read: `identity` and `facts` show the current state. Only `log` is parsed.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from memory.database import from_micros, require_utf8, to_micros
from memory.models import Fact
from memory.permanent.permanent_records import FactRecord, IdentityRecord, Records, identifier, normalize_key

END_OF_TIME: Final = 2**63 - 1
FORMAT: Final = "goat-memory-1"
Writing = tuple[str | None, str | None, int]
"""Key, text and time of an entry."""


class Unreadable(ValueError):
    """The text is not a memory of this owner."""


@dataclass(frozen=True)
class Entry:
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

    @property
    def fact(self) -> Fact:
        return Fact(key=self.key or "", value=self.text or "", at=from_micros(self.at))

    def as_json(self) -> dict[str, Any]:
        about = {"n": self.number, "id": self.id, "at": from_micros(self.at).isoformat()}
        if self.key is None:
            return about | {"identity": self.text}
        return about | {"fact": self.key, "value": self.text}


@dataclass(frozen=True)
class Document:
    """All entries in order. Entries are added or erased, never changed, so documents merge in any order."""

    entries: tuple[Entry, ...] = ()

    @cached_property
    def ids(self) -> frozenset[str]:
        return frozenset(entry.id for entry in self.entries)

    def append(self, id_: str, writings: Iterable[Writing]) -> "Document":
        """Return the document with entries appended, whose ids begin with `id_`."""
        first = self.entries[-1].number + 1 if self.entries else 1
        added = (Entry(first + n, f"{id_}-{n}", *writing) for n, writing in enumerate(writings))
        return Document((*self.entries, *added))

    def without(self, ends: Mapping[str, int]) -> "Document":
        """Return the document without each identifier's values up to its time, in microseconds."""
        return Document(
            tuple(e for e in self.entries if e.key is None or e.at > ends.get(identifier(e.key), -1))
        )

    @cached_property
    def current(self) -> list[Fact]:
        return self.facts_at(END_OF_TIME)

    def facts_at(self, until: int) -> list[Fact]:
        """Return the facts at a time in microseconds since the epoch, newest first."""
        newest: dict[str, Entry] = {}
        for name, entry in self._newest_first():
            if entry.at <= until:
                newest.setdefault(name, entry)
        return [entry.fact for entry in newest.values() if entry.text is not None]

    def history(self, name: str) -> list[Fact]:
        return [e.fact for key, e in self._newest_first() if key == name and e.text is not None]

    def identities(self) -> list[tuple[str | None, datetime]]:
        return [(e.text, from_micros(e.at)) for e in reversed(self.entries) if e.key is None]

    def records(self) -> Records:
        return Records(
            tuple(FactRecord(e.key, e.text, from_micros(e.at)) for e in self.entries if e.key is not None),
            tuple(IdentityRecord(e.text, from_micros(e.at)) for e in self.entries if e.key is None),
        )

    def _newest_first(self) -> list[tuple[str, Entry]]:
        facts = [(identifier(entry.key), entry) for entry in self.entries if entry.key is not None]
        return sorted(facts, key=lambda fact: (fact[1].at, *_place(fact[1])), reverse=True)


def merge(documents: Iterable[Document]) -> Document:
    entries = {entry.id: entry for document in documents for entry in document.entries}
    return Document(tuple(sorted(entries.values(), key=_place)))


def render(document: Document, owner: str) -> str:
    """Render a document, one line per entry."""
    identity = next((text for text, _ in document.identities()), None)
    facts = [f"  {_json(fact.key)}: {_json(fact.value)}" for fact in document.current]
    log = [f"  {_json(entry.as_json())}" for entry in document.entries]
    return (
        f'{{\n"format": {_json(FORMAT)},\n"owner": {_json(owner)},\n"identity": {_json(identity)},\n'
        f'"facts": {{\n{_lines(facts)}}},\n"log": [\n{_lines(log)}]\n}}'
    )


def parse(text: str, owner: str) -> Document:
    """Parse a text written by `render`.

    Raises:
        Unreadable: the text is invalid, or another owner's.
    """
    if owner_of(text) != owner:
        raise Unreadable("it is another owner's")
    try:
        entries = [_entry(line) for line in json.loads(text)["log"]]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Unreadable(f"its log cannot be read: {error}") from None
    document = merge([Document(tuple(entries))])
    if len(document.entries) != len(entries):
        raise Unreadable("an id in its log is not unique")
    return document


def owner_of(text: str) -> str:
    """Return the owner of a text.

    Raises:
        Unreadable: the text is invalid.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("it is not complete JSON") from None
    match whole:
        case {"format": "goat-memory-1", "owner": str(owner)}:
            return owner
    raise Unreadable(f"its format is not {FORMAT}; a newer GOAT may have written it")


def _entry(line: Any) -> Entry:
    key: str | None = None
    match line:
        case {"n": int(number), "id": str(id_), "at": str(at), "fact": str(key), "value": text, **more}:
            pass
        case {"n": int(number), "id": str(id_), "at": str(at), "identity": text, **more}:
            pass
        case _:
            raise ValueError("a line has unexpected fields")
    if more or number < 1 or isinstance(number, bool) or not isinstance(text, str | None):
        raise ValueError("a line has unexpected values")
    if key is not None and normalize_key(key) != key:
        raise ValueError("a key is not normalized")
    if text is not None:
        require_utf8(text, "a value")
    return Entry(number, id_, key, text, to_micros(datetime.fromisoformat(at)))


def _place(entry: Entry) -> tuple[int, str]:
    return entry.number, entry.id


def _lines(lines: list[str]) -> str:
    return ",\n".join(lines) + "\n" if lines else ""


def _json(value: object) -> str:
    """Render JSON unescaped, except for lone surrogates (in an owner's name)."""
    shown = json.dumps(value, ensure_ascii=False)
    try:
        return require_utf8(shown, "it")
    except ValueError:
        return json.dumps(value)
