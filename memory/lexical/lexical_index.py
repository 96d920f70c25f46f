"""The full-text index of an owner's episodes in SQLite, updated in the episode's transaction.

Scores are BM25 (Robertson and Zaragoza, 2009, k1 = 1.2, b = 0.75) with an inverse document frequency that is
always positive, `log(1 + (N - n + 0.5) / (n + 0.5))`, so that they are usable in the smallest archives.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from memory.database import Database
from memory.lexical.analysis import terms

TABLES: Final = (
    """CREATE VIRTUAL TABLE lexicon USING fts5(said, recited, content='', tokenize="ascii tokenchars '_'")""",
    "CREATE VIRTUAL TABLE lexicon_terms USING fts5vocab(lexicon, row)",
)
"""`said`: words of messages and short replies; `recited`: words of long replies."""
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
_LEAST_IDF: Final = 1e-6  # FTS5's own, for words in more than half of all documents

_POSTINGS: Final = """
    SELECT group_concat(seq), group_concat(score) FROM (
        SELECT rowid AS seq, bm25(lexicon, 1.0, ?) AS score FROM lexicon
        WHERE lexicon MATCH ? ORDER BY rowid LIMIT -1
    )
"""
"""One row for all: sqlite3 releases the GIL at each row, and a busy thread is slow to give it back."""

Alternatives = tuple[str, ...]
Seqs = NDArray[np.int64]


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


def put(db: Database, seq: int, message: str, reply: str) -> None:
    """Index an episode; `seq` must not be indexed yet."""
    db.execute("INSERT INTO lexicon (rowid, said, recited) VALUES (?, ?, ?)", (seq, *_fields(message, reply)))


def remove(db: Database, seq: int, message: str, reply: str) -> None:
    """Remove an episode, given the texts that were indexed; `compact` removes its words from the file."""
    sql = "INSERT INTO lexicon (lexicon, rowid, said, recited) VALUES ('delete', ?, ?, ?)"
    db.execute(sql, (seq, *_fields(message, reply)))


def compact(db: Database) -> None:
    """Merge the index into one segment, which holds no word of a removed episode."""
    db.execute("INSERT INTO lexicon (lexicon) VALUES ('optimize')")


def clear(db: Database) -> None:
    """Delete every episode from the index."""
    db.execute("INSERT INTO lexicon (lexicon) VALUES ('delete-all')")


def find(db: Database, words: Sequence[Alternatives], documents: int) -> Matches:
    """Look up the words of a query, each given as alternative terms.

    Args:
        db: a connection to the owner's file.
        words: the result of `query_terms`.
        documents: how many episodes are indexed.
    """
    counted = [(_frequencies(db, alternatives), place) for place, alternatives in enumerate(words)]
    found: list[Word] = [Word(idf(documents, 0))] * len(words)
    read = 0
    for frequencies, place in sorted(counted, key=lambda item: sum(item[0].values())):
        entries = sum(frequencies.values())
        if not entries:
            continue
        common = read + entries > (MOST_POSTINGS if read else MOST_OF_ONE)
        if common:
            found[place] = Word(idf(documents, min(entries, documents)), common=True)
        else:
            found[place] = _word(db, frequencies, documents)
            read += entries
    return Matches(documents, tuple(found))


def idf(documents: int, frequency: int) -> float:
    """Return the inverse document frequency of a word in `frequency` of `documents`."""
    return math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))


def _fields(message: str, reply: str) -> tuple[str, str]:
    said, answered = terms(message), terms(reply)
    if len(answered) > LONG_REPLY:
        return " ".join(said), " ".join(answered)
    return " ".join(said + answered), ""


def _frequencies(db: Database, alternatives: Alternatives) -> dict[str, int]:
    """Return the document frequency of each indexed term."""
    rows = (
        (term, db.execute("SELECT doc FROM lexicon_terms WHERE term = ?", (term,)).fetchone())
        for term in alternatives
    )
    return {term: int(row[0]) for term, row in rows if row}


def _word(db: Database, frequencies: dict[str, int], documents: int) -> Word:
    """Merge the postings of a word's terms; in each episode the best term counts."""
    some = [_postings(db, term, count, documents) for term, count in frequencies.items()]
    if len(some) == 1:
        seqs, saturations = some[0]
    else:
        seqs, places = np.unique(np.concatenate([seqs for seqs, _ in some]), return_inverse=True)
        saturations = np.zeros(len(seqs))
        np.maximum.at(saturations, places, np.concatenate([values for _, values in some]))
    return Word(idf(documents, len(seqs)), seqs, saturations)


def _postings(db: Database, term: str, frequency: int, documents: int) -> tuple[Seqs, NDArray[np.float64]]:
    seqs, scores = db.execute(_POSTINGS, (RECITED, f'"{term}"')).fetchone()
    if seqs is None:
        return np.empty(0, np.int64), np.empty(0)
    documents = max(documents, frequency)
    theirs = max(math.log((documents - frequency + 0.5) / (frequency + 0.5)), _LEAST_IDF)
    scored = np.fromstring(scores, sep=",", dtype=np.float64)
    return np.fromstring(seqs, sep=",", dtype=np.int64), np.clip(-scored / theirs, 0, SATURATION)
