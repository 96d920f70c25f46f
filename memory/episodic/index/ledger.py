"""The record of an owner's vectors in the owner's file, to check the vector index against."""

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from memory.episodic.log.episode_log import TIER
from memory.episodic.vectors import kept_vectors
from memory.episodic.vectors.kept_vectors import KeptPart, Parts
from memory.owners.owner_files import OwnerFiles

Maxima = NDArray[np.float32]
Measure = Callable[[Iterable[Parts]], Maxima]


@dataclass(frozen=True, slots=True)
class VectorState:
    """State of an owner's vectors as they should be in the index."""

    collection: str | None = None
    """Random suffix that makes the collection's name unique; None before the first."""
    model: str | None = None
    dimension: int | None = None
    writes: int = 0
    """Counter of changes to the vectors by any process."""
    parts: int = 0
    """Least number of records in the collection."""
    pending: int = 0
    """Number of episodes without vectors."""
    null_turns: str = ""
    """Id of the null turns that `maxima` belongs to."""
    maxima: Maxima | None = None
    """Highest similarity of each null turn in this archive."""
    latest: int = -1
    """Id of the latest stored vector, or -1."""
    total: NDArray[np.float64] | None = None
    """Sum of the vectors of whole turns, followed by their number."""

    @property
    def mean(self) -> NDArray[np.float64] | None:
        """Mean vector of the archive."""
        return None if self.total is None or not self.total[-1] else self.total[:-1] / self.total[-1]

    @property
    def noise(self) -> tuple[float, ...]:
        """The null turns' maxima, ascending; empty while the archive holds only small talk."""
        if self.maxima is None or self.maxima.max(initial=-1.0) <= -1.0:
            return ()
        return tuple(sorted(map(float, self.maxima)))


class VectorLedger:
    """Reads and commits `VectorState` in the owner's file."""

    def __init__(self, files: OwnerFiles) -> None:
        self._files = files

    async def state(self, owner: str) -> VectorState:
        """Return the current state."""
        return await self._files.read(owner, TIER, _state)

    async def begin(
        self, owner: str, model: str, *, instead_of: str | None, clear: bool = False
    ) -> VectorState:
        """Start an empty collection, and mark every episode as pending.

        Stored vectors are deleted when another model made them, or when `clear` is set.

        Returns:
            The new state; the current one when another process has replaced the collection `instead_of`.
        """
        return await self._files.write(
            owner, TIER, partial(_begin, model=model, instead_of=instead_of, clear=clear)
        )

    async def stored_parts(self, owner: str, turn_ids: Iterable[str]) -> dict[tuple[str, int], KeptPart]:
        """Return the stored parts of these episodes, by turn id and part number."""
        return await self._files.read(owner, TIER, partial(_kept, turn_ids=list(turn_ids)))

    async def mark(
        self,
        owner: str,
        state: VectorState,
        written: Mapping[str, Sequence[KeptPart]],
        parts: Mapping[str, int],
        maxima: Maxima,
    ) -> VectorState:
        """Commit vectors that are in the collection of `state`, and the episodes that they complete.

        Args:
            owner: whose vectors.
            state: the caller's state, with the dimension and the null turns of its model.
            written: the new parts by turn id.
            parts: the number of parts of each completed episode.
            maxima: the null turns' highest similarities with the new parts.

        Returns:
            The new state; unchanged when another process has replaced the collection.
        """
        work = partial(_mark, known=state, written=written, parts=parts, maxima=maxima)
        return await self._files.write(owner, TIER, work)

    async def measure(self, owner: str, collection: str, null_turns: str, measure: Measure) -> None:
        """Replace the null turns' maxima by `measure` over all stored vectors."""
        work = partial(_measure, collection=collection, null_turns=null_turns, measure=measure)
        await self._files.write(owner, TIER, work)


def added_up(total: NDArray[np.float64] | None, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `VectorState.total` with more vectors added; sums of half-precision numbers are exact."""
    added = np.append(vectors.sum(axis=0), len(vectors))
    return added if total is None else total + added


def remove_vectors(db: sqlite3.Connection, seq: int) -> None:
    """Delete an episode's vectors; the next index run measures the null turns again."""
    state, gone = _state(db), kept_vectors.remove(db, seq)
    whole = gone.vectors[gone.numbers != kept_vectors.MESSAGE].astype(np.float64)
    if len(whole) and state.total is not None:
        _put(db, vector_total=(state.total - added_up(None, whole)).tobytes())
    (parts,) = db.execute("SELECT parts FROM episodes WHERE seq = ?", (seq,)).fetchone()
    left = state.parts - (parts or 0)
    _put(db, parts=left, vector_writes=state.writes + 1, null_turns="", null_maxima=None)


def _state(db: sqlite3.Connection) -> VectorState:
    meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
    (pending,) = db.execute("SELECT COUNT(*) FROM episodes WHERE parts IS NULL").fetchone()
    blob = meta.get("null_maxima")
    return VectorState(
        collection=meta.get("collection"),
        model=meta.get("embedding_model"),
        dimension=meta.get("embedding_dimension"),
        writes=meta.get("vector_writes", 0),
        parts=meta.get("parts", 0),
        pending=pending,
        null_turns=meta.get("null_turns", ""),
        maxima=None if blob is None else np.frombuffer(blob, np.float32),
        latest=kept_vectors.latest(db),
        total=None if "vector_total" not in meta else np.frombuffer(meta["vector_total"]),
    )


def _begin(db: sqlite3.Connection, model: str, instead_of: str | None, clear: bool) -> VectorState:
    state = _state(db)
    if state.collection != instead_of:
        return state
    dimension = state.dimension
    if clear or state.model != model or kept_vectors.count(db) < state.parts:
        dimension = None
        kept_vectors.clear(db)
        db.execute("DELETE FROM meta WHERE key = 'vector_total'")
        _put(db, null_turns="", null_maxima=None)
    db.execute("UPDATE episodes SET parts = NULL WHERE parts IS NOT NULL")
    _put(db, collection=secrets.token_hex(4), embedding_model=model, embedding_dimension=dimension)
    _put(db, vector_writes=state.writes + 1, parts=0)
    return _state(db)


def _kept(db: sqlite3.Connection, turn_ids: list[str]) -> dict[tuple[str, int], KeptPart]:
    turns = {seq: turn_id for turn_id, seq in _seqs(db, turn_ids).items()}
    found = kept_vectors.read(db, turns)
    parts = {}
    for seq, number, (first, last), small_talk, vector in found.rows():
        parts[turns[seq], number] = KeptPart(number, first, last, small_talk, vector)
    return parts


def _mark(
    db: sqlite3.Connection,
    known: VectorState,
    written: Mapping[str, Sequence[KeptPart]],
    parts: Mapping[str, int],
    maxima: Maxima,
) -> VectorState:
    state = _state(db)
    if state.collection != known.collection:
        return state
    seqs = _seqs(db, list(written))
    kept = [part for turn_id, seq in seqs.items() for part in kept_vectors.keep(db, seq, written[turn_id])]
    if fresh := [part.vector for part in kept if part.number != kept_vectors.MESSAGE]:
        total = added_up(state.total, np.asarray(fresh, np.float64))
        _put(db, vector_total=total.tobytes())
    marked = sum(_mark_one(db, turn_id, count) for turn_id, count in parts.items())
    if state.maxima is not None and state.null_turns == known.null_turns:
        _put(db, null_maxima=np.maximum(state.maxima, maxima).tobytes())
    elif not state.parts and not state.null_turns:
        _put(db, null_maxima=maxima.tobytes(), null_turns=known.null_turns)
    _put(db, embedding_dimension=known.dimension, parts=state.parts + marked, vector_writes=state.writes + 1)
    return _state(db)


def _mark_one(db: sqlite3.Connection, turn_id: str, count: int) -> int:
    row = db.execute("SELECT parts FROM episodes WHERE turn_id = ?", (turn_id,)).fetchone()
    db.execute("UPDATE episodes SET parts = ? WHERE turn_id = ?", (count, turn_id))
    return count - (row[0] or 0) if row else 0


def _seqs(db: sqlite3.Connection, turn_ids: Sequence[str]) -> dict[str, int]:
    sql = "SELECT turn_id, seq FROM episodes WHERE turn_id IN (SELECT value FROM json_each(?))"
    return dict(db.execute(sql, (json.dumps(turn_ids),)).fetchall())


def _measure(db: sqlite3.Connection, collection: str, null_turns: str, measure: Measure) -> None:
    if _state(db).collection == collection:
        _put(db, null_maxima=measure(kept_vectors.pages(db)).tobytes(), null_turns=null_turns)


def _put(db: sqlite3.Connection, **values: str | int | bytes | None) -> None:
    db.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", values.items())
