"""The vectors of an owner's episodes beside the log: for exact scores, and for Chroma anew without a model.

A part has the id `seq << 20 | number`, so that the parts of an episode stand together. A vector is kept as
half-precision floats, which moves a cosine similarity by less than 0.001.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
NUMBER_BITS = 20
MESSAGE = 0
"""The number of the message by itself, when there is a reply; the parts of the whole turn begin at 1."""
PAGE = 4096  # vectors read at once
LATEST = 2**63 - 1  # no id is higher
_COLUMNS = "id, first, last, small_talk, vector"

Row = tuple[int, int, int, float, bytes]


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A part of an episode with its vector."""

    number: int
    first: int
    last: int
    """Half-open span, in characters of the episode's text."""
    small_talk: float
    vector: Sequence[float]


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of several episodes, those of an episode together; row `i` of every array is one part."""

    seqs: NDArray[np.int64]
    numbers: NDArray[np.int64]
    spans: NDArray[np.int64]
    """Shape (parts, 2)."""
    small_talk: NDArray[np.float64]
    vectors: Matrix
    """Shape (parts, dimension); empty when there are none."""

    def rows(self) -> Iterator[tuple[int, int, list[int], float, list[float]]]:
        """Return sequence number, number, span, likeness to small talk and vector of each part."""
        columns = (self.seqs, self.numbers, self.spans, self.small_talk, self.vectors)
        return zip(*(column.tolist() for column in columns), strict=True)


NONE = Parts(
    seqs=np.empty(0, np.int64),
    numbers=np.empty(0, np.int64),
    spans=np.empty((0, 2), np.int64),
    small_talk=np.empty(0),
    vectors=np.empty((0, 0), np.float32),
)


def to_parts(kept: Iterable[tuple[int, KeptPart]]) -> Parts:
    """Return parts, given with the sequence number of their episode, as they will be read."""
    rows = [(_id(seq, p.number), p.first, p.last, p.small_talk, _blob(p.vector)) for seq, p in kept]
    return _parts(rows)


def rounded(vector: Sequence[float]) -> list[float]:
    """Return the vector as it will be read."""
    values: list[float] = np.asarray(vector, np.float16).tolist()
    return values


def keep(db: sqlite3.Connection, seq: int, parts: Iterable[KeptPart]) -> list[KeptPart]:
    """Keep the parts of an episode; return those that were not there."""
    sql = "INSERT OR IGNORE INTO vectors (id, first, last, small_talk, vector) VALUES (?, ?, ?, ?, ?)"
    return [
        part
        for part in parts
        if db.execute(
            sql, (_id(seq, part.number), part.first, part.last, part.small_talk, _blob(part.vector))
        ).rowcount
    ]


def read(db: sqlite3.Connection, seqs: Iterable[int], until: int = LATEST) -> Parts:
    """Read all parts of these episodes with ids up to `until`, in the order of ids.

    The plus keeps SQLite from going through all vectors up to `until`.
    """
    sql = """
        SELECT v.id, v.first, v.last, v.small_talk, v.vector FROM json_each(?) AS wanted
        JOIN vectors AS v ON v.id BETWEEN wanted.value << 20 AND (wanted.value << 20) + 1048575
        WHERE +v.id <= ? ORDER BY v.id
    """
    return _parts(db.execute(sql, (json.dumps(sorted({int(seq) for seq in seqs})), until)).fetchall())


def pages(db: sqlite3.Connection, after: int = -1) -> Iterator[Parts]:
    """Read every part with an id above `after`, some thousand at a time."""
    while rows := rows_after(db, after):
        after = rows[-1][0]
        yield _parts(rows)


def rows_after(db: sqlite3.Connection, after: int, until: int = LATEST) -> list[Row]:
    """Read the next page of rows with ids above `after`, up to `until`, as they are stored."""
    sql = f"SELECT {_COLUMNS} FROM vectors WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"  # noqa: S608
    return db.execute(sql, (after, until, PAGE)).fetchall()


def copy(db: sqlite3.Connection, rows: Sequence[Row]) -> Parts:
    """Keep rows that another file stored; return them as parts."""
    db.executemany(f"INSERT INTO vectors ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)", rows)  # noqa: S608
    return _parts(rows)


def latest(db: sqlite3.Connection) -> int:
    """Return the highest id; -1 when nothing is kept."""
    (found,) = db.execute("SELECT MAX(id) FROM vectors").fetchone()
    return -1 if found is None else int(found)


def count(db: sqlite3.Connection) -> int:
    """Count the parts of whole turns."""
    sql = f"SELECT COUNT(*) FROM vectors WHERE id & {(1 << NUMBER_BITS) - 1} != {MESSAGE}"  # noqa: S608
    return int(db.execute(sql).fetchone()[0])


def clear(db: sqlite3.Connection) -> None:
    """Drop all of them, as for another model."""
    db.execute("DELETE FROM vectors")


def _id(seq: int, number: int) -> int:
    return seq << NUMBER_BITS | number


def _blob(vector: Sequence[float]) -> bytes:
    return np.asarray(vector, np.float16).tobytes()


def _parts(rows: Sequence[Row]) -> Parts:
    if not rows:
        return NONE
    ids, firsts, lasts, small_talk, blobs = zip(*rows, strict=True)
    vectors = np.frombuffer(b"".join(blobs), np.float16).reshape(len(rows), -1).astype(np.float32)
    places = np.asarray(ids, np.int64)
    return Parts(
        seqs=places >> NUMBER_BITS,
        numbers=places & (1 << NUMBER_BITS) - 1,
        spans=np.column_stack([firsts, lasts]).astype(np.int64),
        small_talk=np.asarray(small_talk),
        vectors=vectors,
    )
