"""Postings in a full-text index of SQLite."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from memory.database import Database

TABLES: Final = (
    """CREATE VIRTUAL TABLE lexicon USING fts5(said, recited, content='', tokenize="ascii tokenchars '_'")""",
    "CREATE VIRTUAL TABLE lexicon_terms USING fts5vocab(lexicon, row)",
)
_LEAST_IDF: Final = 1e-6  # FTS5's own, for words in more than half of all documents
_FREQUENCIES: Final = """
    SELECT json_group_object(term, doc) FROM lexicon_terms WHERE term IN (SELECT value FROM json_each(?))
"""
_POSTINGS: Final = """
    SELECT group_concat(seq), group_concat(score) FROM (
        SELECT rowid AS seq, bm25(lexicon, 1.0, ?) AS score FROM lexicon
        WHERE lexicon MATCH ? ORDER BY rowid LIMIT -1
    )
"""
"""One row for all: sqlite3 releases the GIL at each row, and a busy thread is slow to give it back."""

Postings = tuple[NDArray[np.int64], NDArray[np.float64]]


def put(db: Database, seq: int, said: Sequence[str], recited: Sequence[str]) -> None:
    sql = "INSERT INTO lexicon (rowid, said, recited) VALUES (?, ?, ?)"
    db.execute(sql, (seq, " ".join(said), " ".join(recited)))


def remove(db: Database, seq: int, said: Sequence[str], recited: Sequence[str]) -> None:
    """Remove an episode, given what was indexed."""
    sql = "INSERT INTO lexicon (lexicon, rowid, said, recited) VALUES ('delete', ?, ?, ?)"
    db.execute(sql, (seq, " ".join(said), " ".join(recited)))


def compact(db: Database) -> None:
    """Merge the index into one segment, which holds no word of a removed episode."""
    db.execute("INSERT INTO lexicon (lexicon) VALUES ('optimize')")


def clear(db: Database) -> None:
    db.execute("INSERT INTO lexicon (lexicon) VALUES ('delete-all')")


def frequencies(db: Database, terms: Iterable[str]) -> dict[str, int]:
    """Return the document frequency of each indexed term."""
    (found,) = db.execute(_FREQUENCIES, (json.dumps([*terms]),)).fetchone()
    counts: dict[str, int] = json.loads(found)
    return counts


def postings(
    db: Database, terms: Mapping[str, int], documents: int, *, recited: float
) -> dict[str, Postings]:
    """Return the episodes that hold each term, ascending, and its weight in each; `terms` has frequencies."""
    found: dict[str, Postings] = {}
    for term, count in terms.items():
        seqs, scores = db.execute(_POSTINGS, (recited, f'"{term}"')).fetchone()
        if seqs is None:
            found[term] = np.empty(0, np.int64), np.empty(0)
            continue
        theirs = max(math.log((max(documents, count) - count + 0.5) / (count + 0.5)), _LEAST_IDF)
        scored = np.fromstring(scores, sep=",", dtype=np.float64)
        found[term] = np.fromstring(seqs, sep=",", dtype=np.int64), -scored / theirs
    return found
