"""Postings in an ordinary table, for databases without SQLite's full-text index.

The weights are those of `fts5_index`, so that a search finds the same wherever an archive is.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from memory.database import Database, put_meta, read_number
from memory.lexical.fts5_index import Postings

K1: Final = 1.2
B: Final = 0.75
INDEXED_TERMS: Final = "indexed_terms"
"""Key in `meta` of the number of terms in all episodes."""
_POSTINGS: Final = """
    SELECT term, group_concat(seq), group_concat(said), group_concat(recited), group_concat(length) FROM (
        SELECT * FROM postings WHERE term IN (SELECT value FROM json_each(?)) ORDER BY term, seq
    ) AS found GROUP BY term
"""


def put(db: Database, seq: int, said: Sequence[str], recited: Sequence[str]) -> None:
    counts, others, length = Counter(said), Counter(recited), len(said) + len(recited)
    rows = [(term, seq, counts[term], others[term], length) for term in {*counts, *others}]
    db.executemany("INSERT INTO postings (term, seq, said, recited, length) VALUES (?, ?, ?, ?, ?)", rows)
    put_meta(db, INDEXED_TERMS, read_number(db, INDEXED_TERMS) + length)


def remove(db: Database, seq: int, said: Sequence[str], recited: Sequence[str]) -> None:
    """Remove an episode, given what was indexed."""
    sql = "DELETE FROM postings WHERE term IN (SELECT value FROM json_each(?)) AND seq = ?"
    db.execute(sql, (json.dumps([*{*said, *recited}]), seq))
    put_meta(db, INDEXED_TERMS, read_number(db, INDEXED_TERMS) - len(said) - len(recited))


def compact(db: Database) -> None:
    """Do nothing: the rows are deleted."""


def clear(db: Database) -> None:
    db.execute("DELETE FROM postings")
    put_meta(db, INDEXED_TERMS, 0)


def frequencies(db: Database, terms: Iterable[str]) -> dict[str, int]:
    """Return the document frequency of each indexed term."""
    chosen = "SELECT value FROM json_each(?)"
    sql = f"SELECT term, COUNT(*) FROM postings WHERE term IN ({chosen}) GROUP BY term"  # noqa: S608
    return dict(db.execute(sql, (json.dumps([*terms]),)).fetchall())


def postings(
    db: Database, terms: Mapping[str, int], documents: int, *, recited: float
) -> dict[str, Postings]:
    """Return the episodes that hold each term, ascending, and its weight in each; `terms` has frequencies."""
    mean = read_number(db, INDEXED_TERMS) / max(documents, 1)
    found = {}
    for term, *columns in db.execute(_POSTINGS, (json.dumps([*terms]),)):
        seqs, told, repeated, lengths = (np.fromstring(each, sep=",", dtype=np.int64) for each in columns)
        count = told + recited * repeated
        found[term] = seqs, count * (K1 + 1) / (count + K1 * (1 - B + B * lengths / mean))
    return found
