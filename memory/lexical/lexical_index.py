"""The words and keys of an owner's episodes, indexed in the episode's transaction.

In an owner's file SQLite keeps the words' postings; on a server they are in a table. Analysis and scores are
equal.

Scores are BM25 (Robertson and Zaragoza, 2009, k1 = 1.2, b = 0.75) with an inverse document frequency that is
always positive, `log(1 + (N - n + 0.5) / (n + 0.5))`, so that they are usable in the smallest archives.
"""

import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from memory.database import Database, put_meta, read_number
from memory.lexical import fts5_index, posting_table
from memory.lexical.analysis import terms
from memory.lexical.fts5_index import Postings
from memory.lexical.posting_table import INDEXED_TERMS
from memory.lexical.structural_keys import find_keys
from memory.provenance import load, said

VERSION: Final = 2
"""Version of the derivation; files with an older one are indexed again."""
_DOCUMENTS, _VERSION = "documents", "derived_version"
META_KEYS: Final = (_DOCUMENTS, _VERSION, INDEXED_TERMS)
"""Keys of `meta` whose values are derived from the episodes."""
_PAGE = 256

LONG_REPLY: Final = 60
"""Terms above which a reply goes to `recited`: long replies of a model drown the user's words."""
RECITED: Final = 1 / 3
"""Weight of a word in `recited`, relative to `said`."""
MOST_POSTINGS: Final = 3000
"""Postings read for a query, rarest words first: as good as twice as many on 4,800 turns
(Recall@5 .628 by words alone; .618 with 1,500).
"""
MOST_OF_ONE: Final = 12_000
"""Postings read of the rarest word; with more the words are ignored."""
SATURATION: Final = 2.2
"""k1 + 1: the most that a word scores, in units of its inverse document frequency."""
Alternatives = tuple[str, ...]
Seqs = NDArray[np.int64]


class PostingIndex(Protocol):
    """Where the postings of an owner's episodes are."""

    def put(self, db: Database, seq: int, said: Sequence[str], recited: Sequence[str]) -> None: ...

    def remove(self, db: Database, seq: int, said: Sequence[str], recited: Sequence[str]) -> None: ...

    def compact(self, db: Database) -> None: ...

    def clear(self, db: Database) -> None: ...

    def frequencies(self, db: Database, terms: Iterable[str]) -> dict[str, int]: ...

    def postings(
        self, db: Database, terms: Mapping[str, int], documents: int, *, recited: float
    ) -> dict[str, Postings]: ...


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a query and its postings."""

    idf: float
    seqs: Seqs = field(default_factory=lambda: np.empty(0, np.int64))
    """Episodes that hold it, ascending; empty for none or too many to read."""
    saturations: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Its term frequency weight in each, in [0, `SATURATION`]."""
    common: bool = False
    """It has too many postings to read."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Postings of all words of a query."""

    documents: int = 0
    words: Sequence[Word] = ()


def derive(db: Database, seq: int, message: str, reply: str) -> None:
    """Index the words and keys of a new episode; `message` includes its parts."""
    _index(db).put(db, seq, *_fields(message, reply))
    found = dict.fromkeys(find_keys(message) + find_keys(reply))
    sql = "INSERT OR IGNORE INTO keys (key, seq) VALUES (?, ?)"
    db.executemany(sql, [(key, seq) for key in found])


def remove_derived(db: Database, seq: int, message: str, reply: str) -> None:
    """Remove an episode, given what was passed to `derive`; `compact` removes its words from the file."""
    _index(db).remove(db, seq, *_fields(message, reply))
    db.execute("DELETE FROM keys WHERE seq = ?", (seq,))


def compact(db: Database) -> None:
    """Purge the words of removed episodes from the index."""
    _index(db).compact(db)


def clear(db: Database) -> None:
    _index(db).clear(db)


def count_documents(db: Database) -> int:
    """Return how many episodes are indexed."""
    return read_number(db, _DOCUMENTS)


def add_documents(db: Database, added: int) -> None:
    """Add to the number of indexed episodes."""
    if added:
        put_meta(db, _DOCUMENTS, count_documents(db) + added)
        put_meta(db, _VERSION, VERSION)


def is_current(db: Database) -> bool:
    """Return whether words and keys were derived by this version."""
    return not count_documents(db) or read_number(db, _VERSION) == VERSION


def derive_all(db: Database, provenance: str = "provenance") -> None:
    """Index the words and keys of every episode again.

    Args:
        db: the owner's tables.
        provenance: the SQL of an episode's provenance, which the oldest files lack.
    """
    clear(db)
    db.execute("DELETE FROM keys")
    db.execute("DELETE FROM meta WHERE key IN (?, ?)", (_DOCUMENTS, _VERSION))
    columns = f"seq, message, reply, {provenance}"
    sql = f"SELECT {columns} FROM episodes WHERE seq > ? ORDER BY seq LIMIT {_PAGE}"  # noqa: S608
    count = after = 0
    while rows := db.execute(sql, (after,)).fetchall():
        for seq, message, reply, told in rows:
            derive(db, seq, said(message, load(told)[2]), reply)
        count, after = count + len(rows), rows[-1][0]
    add_documents(db, count)


def find(db: Database, words: Sequence[Alternatives], documents: int) -> Matches:
    """Look up the words of a query, each given as alternative terms.

    Args:
        db: a connection to the owner's file.
        words: the result of `query_terms`.
        documents: how many episodes are indexed.
    """
    known = _index(db).frequencies(db, dict.fromkeys(term for word in words for term in word))
    counted = [{term: known[term] for term in word if term in known} for word in words]
    chosen = _affordable(counted)
    terms = {term: count for place in chosen for term, count in counted[place].items()}
    read = _index(db).postings(db, terms, documents, recited=RECITED) if terms else {}
    found = []
    for place, frequencies in enumerate(counted):
        entries = sum(frequencies.values())
        if place in chosen:
            found.append(_word([read[term] for term in frequencies if term in read], documents))
        else:
            found.append(Word(idf(documents, min(entries, documents)), common=entries > 0))
    return Matches(documents, tuple(found))


def _affordable(counted: Sequence[Mapping[str, int]]) -> set[int]:
    """Return the places of the words whose postings are read, given their terms' frequencies."""
    chosen, read = set[int](), 0
    for place in sorted(range(len(counted)), key=lambda place: sum(counted[place].values())):
        entries = sum(counted[place].values())
        if entries and read + entries <= (MOST_POSTINGS if read else MOST_OF_ONE):
            chosen.add(place)
            read += entries
    return chosen


def idf(documents: int, frequency: int) -> float:
    """Return the inverse document frequency of a word in `frequency` of `documents`."""
    return math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))


def _index(db: Database) -> PostingIndex:
    return fts5_index if isinstance(db, sqlite3.Connection) else posting_table


def _fields(message: str, reply: str) -> tuple[list[str], list[str]]:
    said, answered = terms(message), terms(reply)
    return (said, answered) if len(answered) > LONG_REPLY else (said + answered, [])


def _word(some: Sequence[Postings], documents: int) -> Word:
    """Merge the postings of a word's terms; in each episode the best term counts."""
    if not some:
        return Word(idf(documents, 0))
    if len(some) == 1:
        seqs, saturations = some[0]
    else:
        seqs, places = np.unique(np.concatenate([seqs for seqs, _ in some]), return_inverse=True)
        saturations = np.zeros(len(seqs))
        np.maximum.at(saturations, places, np.concatenate([values for _, values in some]))
    return Word(idf(documents, len(seqs)), seqs, np.clip(saturations, 0, SATURATION))
