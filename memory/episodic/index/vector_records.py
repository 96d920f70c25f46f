"""An owner's stored vectors as JSON values, for exports; with them, an import embeds nothing."""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from operator import index
from typing import Any, Final

import numpy as np

from memory.database import Database
from memory.episodic.index.vector_state import add_to_total, put, read_model_state
from memory.episodic.vectors import kept_vectors
from memory.episodic.vectors.kept_vectors import NUMBER_BITS, KeptPart

_KEYS: Final = ("turn_id", "part", "first", "last", "small_talk")


def vector_space(db: Database, model: str) -> tuple[str, int]:
    """Return the model that made the vectors, and their dimension; ("", 0) without any.

    Of vectors by two models, those by `model` are meant.
    """
    state = read_model_state(db, model)
    size = db.execute(f"SELECT LENGTH(vector) FROM {state.slot.table} LIMIT 1").fetchone()  # noqa: S608
    return (state.model, size[0] // np.float16().nbytes) if state.model is not None and size else ("", 0)


def read_vectors(db: Database, model: str) -> Iterator[dict[str, Any]]:
    """Iterate over the vectors of that space: half-precision floats, little-endian, in Base64."""
    table = read_model_state(db, model).slot.table
    sql = f"""
        SELECT e.turn_id, v.id & {(1 << NUMBER_BITS) - 1}, v.first, v.last, v.small_talk, v.vector
        FROM {table} AS v JOIN episodes AS e ON e.seq = v.id >> {NUMBER_BITS} ORDER BY v.id
    """  # noqa: S608
    for *values, vector in db.execute(sql):
        yield {**dict(zip(_KEYS, values, strict=True)), "vector": b64encode(vector).decode("ascii")}


def add_vectors(db: Database, records: Sequence[Mapping[str, Any]], model: str, dimension: int) -> int:
    """Store vectors of episodes that have none; return how many, which is none if another model is in use."""
    parts: dict[str, list[KeptPart]] = {}
    for record in records:
        vector = np.frombuffer(b64decode(record["vector"], validate=True), np.float16)
        if len(vector) != dimension or not np.isfinite(vector).all():
            raise ValueError(f"a vector is not of {dimension} numbers")
        number, first, last = (index(record[key]) for key in _KEYS[1:-1])
        small_talk = float(record["small_talk"])
        if number not in range(1 << NUMBER_BITS):
            raise ValueError(f"a turn has no part {number}")
        if not (0 <= first <= last and isfinite(small_talk)):
            raise ValueError(f"the part {number} of a turn has no such place or likeness")
        part = KeptPart(number, first, last, small_talk, vector.tolist())
        parts.setdefault(record["turn_id"], []).append(part)
    return _adopt(db, model, parts)


def _adopt(db: Database, model: str, parts: Mapping[str, Sequence[KeptPart]]) -> int:
    """Store vectors of pending episodes, as if embedded; the next index run completes them.

    Returns:
        The number of new vectors; 0 if the owner's are by another model.
    """
    state = read_model_state(db, model)
    if state.model not in (None, model):
        return 0
    slot = state.slot
    put(db, slot, embedding_model=model)
    sql = f"SELECT seq FROM episodes WHERE turn_id = ? AND {slot.column} IS NULL"  # noqa: S608
    pending = [(turn_id, row[0]) for turn_id in parts for row in db.execute(sql, (turn_id,)).fetchall()]
    kept = [part for turn_id, seq in pending for part in kept_vectors.keep(db, seq, parts[turn_id], slot)]
    add_to_total(db, slot, kept)
    return len(kept)
