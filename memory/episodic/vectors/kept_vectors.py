"""Vectors stored with the log: for exact scores, and to rebuild Chroma without the model.

An archive has two slots, so that vectors by a second model are built while those by the first are searched.

The id of a part is `seq << 20 | number`, so an episode's parts are adjacent. Vectors are half-precision
floats, which changes a cosine similarity by less than 0.001.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from memory.database import Database

Matrix = NDArray[np.float64]
NUMBER_BITS = 20
MESSAGE = 0
"""Part number of the message alone, when there is a reply; the parts of the whole turn start at 1."""
PAGE = 4096  # rows per read
LATEST = 2**63 - 1  # upper limit of ids
_COLUMNS = "id, first, last, small_talk, vector"

Row = tuple[int, int, int, float, bytes]


class Slot(Enum):
    """Place of the vectors by one embedding model; the value ends the names of its table, column and keys."""

    FIRST = ""
    SECOND = "_2"

    @property
    def table(self) -> str:
        """The table of its vectors."""
        return f"vectors{self.value}"

    @property
    def column(self) -> str:
        """The column of `episodes` with the number of an episode's vectors, NULL before indexing."""
        return f"parts{self.value}"


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
    """Parts of several episodes, grouped by episode; row `i` of every array is one part."""

    seqs: NDArray[np.int64]
    numbers: NDArray[np.int64]
    spans: NDArray[np.int64]
    """Shape (parts, 2)."""
    small_talk: NDArray[np.float64]
    vectors: Matrix
    """Shape (parts, dimension); empty when there are none."""

    def rows(self) -> Iterator[tuple[int, int, list[int], float, list[float]]]:
        """Return sequence number, part number, span, small-talk similarity and vector of each part."""
        columns = (self.seqs, self.numbers, self.spans, self.small_talk, self.vectors)
        return zip(*(column.tolist() for column in columns), strict=True)


NONE = Parts(
    seqs=np.empty(0, np.int64),
    numbers=np.empty(0, np.int64),
    spans=np.empty((0, 2), np.int64),
    small_talk=np.empty(0),
    vectors=np.empty((0, 0)),
)


def to_parts(kept: Iterable[tuple[int, KeptPart]]) -> Parts:
    """Convert (sequence number, part) pairs to `Parts`, rounded as they are stored."""
    return _parts([_row(seq, part) for seq, part in kept])


def to_half_precision(vector: Sequence[float]) -> list[float]:
    """Round the vector as it is stored."""
    values: list[float] = np.asarray(vector, np.float16).tolist()
    return values


def keep(db: Database, seq: int, parts: Iterable[KeptPart], slot: Slot) -> list[KeptPart]:
    """Insert the parts of an episode; return the new ones."""
    sql = f"INSERT OR IGNORE INTO {slot.table} ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)"  # noqa: S608
    return [part for part in parts if db.execute(sql, _row(seq, part)).rowcount]


def read(db: Database, seqs: Iterable[int], slot: Slot, until: int = LATEST) -> Parts:
    """Return all parts of these episodes with ids up to `until`, ordered by id.

    The unary plus keeps SQLite from scanning the id range up to `until`. Sorted in Python, because the rows
    come in order and ORDER BY would copy them all.
    """
    sql = f"""
        WITH wanted AS MATERIALIZED (
            SELECT CAST(value AS BIGINT) << 20 AS low, (CAST(value AS BIGINT) << 20) + 1048575 AS high
            FROM json_each(?)
        )
        SELECT v.id, v.first, v.last, v.small_talk, v.vector FROM wanted
        JOIN {slot.table} AS v ON v.id BETWEEN wanted.low AND wanted.high WHERE +v.id <= ?
    """  # noqa: S608
    found = db.execute(sql, (json.dumps(sorted({int(seq) for seq in seqs})), until)).fetchall()
    return _parts(sorted(found))


def pages(db: Database, slot: Slot, after: int = -1) -> Iterator[Parts]:
    """Iterate over the parts with ids above `after`, `PAGE` at a time."""
    while rows := rows_after(db, slot, after):
        after = rows[-1][0]
        yield _parts(rows)


def rows_after(db: Database, slot: Slot, after: int, until: int = LATEST) -> list[Row]:
    """Return the next page of stored rows with ids above `after`, up to `until`."""
    sql = f"SELECT {_COLUMNS} FROM {slot.table} WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"  # noqa: S608
    return db.execute(sql, (after, until, PAGE)).fetchall()


def rows_of(db: Database, seqs: Iterable[int], slot: Slot) -> list[Row]:
    """Return the stored rows of these episodes, ordered by id."""
    sql = f"SELECT {_COLUMNS} FROM {slot.table} WHERE id BETWEEN ? AND ? ORDER BY id"  # noqa: S608
    return [row for seq in sorted(seqs) for row in db.execute(sql, _ids(seq))]


def copy(db: Database, rows: Sequence[Row]) -> Parts:
    """Insert rows read from another file; return them as parts."""
    db.executemany(f"INSERT INTO vectors ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)", rows)  # noqa: S608
    return _parts(rows)


def latest(db: Database, slot: Slot) -> int:
    """Return the highest id, or -1."""
    (found,) = db.execute(f"SELECT MAX(id) FROM {slot.table}").fetchone()  # noqa: S608
    return -1 if found is None else int(found)


def count(db: Database, slot: Slot) -> int:
    """Count the parts of whole turns."""
    sql = f"SELECT COUNT(*) FROM {slot.table} WHERE id & {(1 << NUMBER_BITS) - 1} != {MESSAGE}"  # noqa: S608
    return int(db.execute(sql).fetchone()[0])


def remove(db: Database, seq: int, slot: Slot) -> Parts:
    """Delete the parts of an episode; return them."""
    gone = read(db, [seq], slot=slot)
    sql = f"DELETE FROM {slot.table} WHERE id BETWEEN ? AND ?"  # noqa: S608
    db.execute(sql, _ids(seq))
    return gone


def clear(db: Database, slot: Slot) -> None:
    db.execute(f"DELETE FROM {slot.table}")  # noqa: S608


def _row(seq: int, part: KeptPart) -> Row:
    vector = np.asarray(part.vector, np.float16).tobytes()
    return seq << NUMBER_BITS | part.number, part.first, part.last, part.small_talk, vector


def _ids(seq: int) -> tuple[int, int]:
    """Return the lowest and the highest id of an episode's parts."""
    return seq << NUMBER_BITS, (seq + 1 << NUMBER_BITS) - 1


def _parts(rows: Sequence[Row]) -> Parts:
    if not rows:
        return NONE
    ids, firsts, lasts, small_talk, blobs = zip(*rows, strict=True)
    vectors = np.frombuffer(b"".join(blobs), np.float16).reshape(len(rows), -1).astype(np.float64)
    places = np.asarray(ids, np.int64)
    return Parts(
        seqs=places >> NUMBER_BITS,
        numbers=places & (1 << NUMBER_BITS) - 1,
        spans=np.asarray([firsts, lasts], np.int64).T,
        small_talk=np.asarray(small_talk),
        vectors=vectors,
    )
