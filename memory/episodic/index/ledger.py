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
from memory.episodic.vectors.kept_vectors import KeptPart, Parts, Slot
from memory.errors import EmbeddingMismatch
from memory.owners.owner_files import OwnerFiles

Maxima = NDArray[np.float32]
_KEYS = (
    *("collection", "embedding_model", "embedding_dimension", "vector_writes", "parts"),
    *("null_turns", "null_maxima", "vector_total", "rebuilding"),
)
Measure = Callable[[Iterable[Parts]], Maxima]


@dataclass(frozen=True, slots=True)
class VectorState:
    """State of an owner's vectors by one model as they should be in the index."""

    slot: Slot = Slot.FIRST

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
    gaps: int = 0
    """Number of pending episodes up to that vector's."""
    total: NDArray[np.float64] | None = None
    """Sum of the vectors of whole turns, followed by their number."""
    rebuilding: bool = False
    """All episodes are being embedded anew."""

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
    """Reads and commits `VectorState` in the owner's file.

    Args:
        files: the owners' files.
        model: the model whose vectors are meant; without any by it, another model's are.
    """

    def __init__(self, files: OwnerFiles, model: str) -> None:
        self._files = files
        self._model = model

    async def state(self, owner: str) -> VectorState:
        """Return the current state."""
        return await self._files.read(owner, TIER, partial(_state_of, model=self._model))

    async def own(self, owner: str) -> VectorState:
        """Return the state of the slot that has this model's vectors, or of the one to build them in.

        Raises:
            EmbeddingMismatch: both have vectors by other models.
        """
        states = await self._files.read(owner, TIER, _states)
        for model in (self._model, None):
            for state in states:
                if state.model == model:
                    return state
        first, second = (state.model for state in states)
        raise EmbeddingMismatch(
            TIER,
            f"{owner!r} has vectors by {first} and by {second}, and there is no room for a third model's;"
            f" set GOAT_EMBEDDING_MODEL to the one to keep, and run `goat reindex --drop-others`",
        )

    async def states(self, owner: str) -> list[VectorState]:
        """Return the state of the vectors by each model."""
        return [state for state in await self._files.read(owner, TIER, _states) if state.collection]

    async def begin(
        self, owner: str, *, slot: Slot, instead_of: str | None, clear: bool = False
    ) -> VectorState:
        """Start an empty collection, and mark every episode as pending.

        Stored vectors are deleted when another model made them, or when `clear` is set: then the state says
        `rebuilding` until `end_rebuilding`.

        Returns:
            The new state; the current one when another process has replaced the collection `instead_of`.
        """
        work = partial(_begin, model=self._model, slot=slot, instead_of=instead_of, clear=clear)
        return await self._files.write(owner, TIER, work)

    async def end_rebuilding(self, owner: str) -> None:
        """Note that every episode has its vectors."""
        state = await self.state(owner)
        await self._files.write(owner, TIER, partial(_put, slot=state.slot, rebuilding=0))

    async def drop(self, owner: str, slot: Slot) -> None:
        """Delete the vectors in a slot, and what is recorded of them."""
        await self._files.write(owner, TIER, partial(_drop, slot=slot))
        await self._files.scrub(owner, TIER)

    async def stored_parts(
        self, owner: str, slot: Slot, turn_ids: Iterable[str]
    ) -> dict[tuple[str, int], KeptPart]:
        """Return the stored parts of these episodes, by turn id and part number."""
        return await self._files.read(owner, TIER, partial(_kept, slot=slot, turn_ids=list(turn_ids)))

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

    async def measure(self, owner: str, state: VectorState, null_turns: str, measure: Measure) -> None:
        """Replace the null turns' maxima by `measure` over all stored vectors."""
        work = partial(_measure, known=state, null_turns=null_turns, measure=measure)
        await self._files.write(owner, TIER, work)


def added_up(total: NDArray[np.float64] | None, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `VectorState.total` with more vectors added; sums of half-precision numbers are exact."""
    added = np.append(vectors.sum(axis=0), len(vectors))
    return added if total is None else total + added


def remove_vectors(db: sqlite3.Connection, seq: int) -> None:
    """Delete an episode's vectors by every model; the next index run measures the null turns again."""
    for state in _states(db):
        gone = kept_vectors.remove(db, seq, state.slot)
        whole = gone.vectors[gone.numbers != kept_vectors.MESSAGE].astype(np.float64)
        if len(whole) and state.total is not None:
            _put(db, state.slot, vector_total=(state.total - added_up(None, whole)).tobytes())
        sql = f"SELECT {state.slot.column} FROM episodes WHERE seq = ?"  # noqa: S608
        (parts,) = db.execute(sql, (seq,)).fetchone()
        left, writes = state.parts - (parts or 0), state.writes + 1
        if state.collection is not None:
            _put(db, state.slot, parts=left, vector_writes=writes, null_turns="", null_maxima=None)


def occupied_slot(db: sqlite3.Connection) -> Slot:
    """Return the first slot that has vectors; the first one without any."""
    return next((slot for slot in Slot if _state(db, slot).model), Slot.FIRST)


def adopt_vectors(db: sqlite3.Connection, model: str, parts: Mapping[str, Sequence[KeptPart]]) -> int:
    """Store vectors of pending episodes, as if embedded; the next index run completes them.

    Returns:
        The number of new vectors; 0 if the owner's are by another model.
    """
    slot = occupied_slot(db)
    if _state(db, slot).model not in (None, model):
        return 0
    _put(db, slot, embedding_model=model)
    sql = f"SELECT seq FROM episodes WHERE turn_id = ? AND {slot.column} IS NULL"  # noqa: S608
    pending = [(turn_id, row[0]) for turn_id in parts for row in db.execute(sql, (turn_id,)).fetchall()]
    kept = [part for turn_id, seq in pending for part in kept_vectors.keep(db, seq, parts[turn_id], slot)]
    _add_to_total(db, slot, kept)
    return len(kept)


def _add_to_total(db: sqlite3.Connection, slot: Slot, kept: Sequence[KeptPart]) -> None:
    if fresh := [part.vector for part in kept if part.number != kept_vectors.MESSAGE]:
        total = added_up(_state(db, slot).total, np.asarray(fresh, np.float64))
        _put(db, slot, vector_total=total.tobytes())


def _states(db: sqlite3.Connection) -> list[VectorState]:
    return [_state(db, slot) for slot in Slot]


def _state_of(db: sqlite3.Connection, model: str) -> VectorState:
    """Read the slot with this model's vectors; without any, one with another model's."""
    stored = dict(db.execute("SELECT key, value FROM meta WHERE key GLOB 'embedding_model*'").fetchall())
    first, second = (stored.get(f"embedding_model{slot.value}") for slot in Slot)
    return _state(db, Slot.SECOND if second == model or (second and not first) else Slot.FIRST)


def _state(db: sqlite3.Connection, slot: Slot) -> VectorState:
    stored = db.execute("SELECT key, value FROM meta").fetchall()
    meta = {key.removesuffix(slot.value): value for key, value in stored if key.endswith(slot.value)}
    latest = kept_vectors.latest(db, slot)
    sql = f"SELECT COUNT(*), COUNT(*) FILTER (WHERE seq <= ?) FROM episodes WHERE {slot.column} IS NULL"  # noqa: S608
    pending, gaps = db.execute(sql, (latest >> kept_vectors.NUMBER_BITS,)).fetchone()
    blob = meta.get("null_maxima")
    return VectorState(
        slot=slot,
        collection=meta.get("collection"),
        model=meta.get("embedding_model"),
        dimension=meta.get("embedding_dimension"),
        writes=meta.get("vector_writes", 0),
        parts=meta.get("parts", 0),
        pending=pending,
        null_turns=meta.get("null_turns", ""),
        maxima=None if blob is None else np.frombuffer(blob, np.float32),
        latest=latest,
        gaps=gaps,
        total=None if "vector_total" not in meta else np.frombuffer(meta["vector_total"]),
        rebuilding=bool(meta.get("rebuilding")),
    )


def _begin(
    db: sqlite3.Connection, model: str, slot: Slot, instead_of: str | None, clear: bool
) -> VectorState:
    state = _state(db, slot)
    if state.collection != instead_of:
        return state
    dimension = state.dimension
    if clear or state.model != model or kept_vectors.count(db, slot) < state.parts:
        dimension = None
        _drop(db, slot)
    if clear:
        _put(db, slot, rebuilding=1)
    _mark_pending(db, slot)
    _put(db, slot, collection=secrets.token_hex(4), embedding_model=model, embedding_dimension=dimension)
    _put(db, slot, vector_writes=state.writes + 1, parts=0)
    return _state(db, slot)


def _drop(db: sqlite3.Connection, slot: Slot) -> None:
    kept_vectors.clear(db, slot)
    _mark_pending(db, slot)
    db.executemany("DELETE FROM meta WHERE key = ?", [(f"{key}{slot.value}",) for key in _KEYS])


def _mark_pending(db: sqlite3.Connection, slot: Slot) -> None:
    db.execute(f"UPDATE episodes SET {slot.column} = NULL WHERE {slot.column} IS NOT NULL")  # noqa: S608


def _kept(db: sqlite3.Connection, slot: Slot, turn_ids: list[str]) -> dict[tuple[str, int], KeptPart]:
    turns = {seq: turn_id for turn_id, seq in _seqs(db, turn_ids).items()}
    found = kept_vectors.read(db, turns, slot=slot)
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
    slot = known.slot
    state = _state(db, slot)
    if state.collection != known.collection:
        return state
    seqs = _seqs(db, list(written))
    kept = [part for turn, seq in seqs.items() for part in kept_vectors.keep(db, seq, written[turn], slot)]
    _add_to_total(db, slot, kept)
    marked = sum(_mark_one(db, slot, turn_id, count) for turn_id, count in parts.items())
    if state.maxima is not None and state.null_turns == known.null_turns:
        _put(db, slot, null_maxima=np.maximum(state.maxima, maxima).tobytes())
    elif not state.parts and not state.null_turns:
        _put(db, slot, null_maxima=maxima.tobytes(), null_turns=known.null_turns)
    _put(db, slot, embedding_dimension=known.dimension)
    _put(db, slot, parts=state.parts + marked, vector_writes=state.writes + 1)
    return _state(db, slot)


def _mark_one(db: sqlite3.Connection, slot: Slot, turn_id: str, count: int) -> int:
    row = db.execute(f"SELECT {slot.column} FROM episodes WHERE turn_id = ?", (turn_id,)).fetchone()  # noqa: S608
    db.execute(f"UPDATE episodes SET {slot.column} = ? WHERE turn_id = ?", (count, turn_id))  # noqa: S608
    return count - (row[0] or 0) if row else 0


def _seqs(db: sqlite3.Connection, turn_ids: Sequence[str]) -> dict[str, int]:
    sql = "SELECT turn_id, seq FROM episodes WHERE turn_id IN (SELECT value FROM json_each(?))"
    return dict(db.execute(sql, (json.dumps(turn_ids),)).fetchall())


def _measure(db: sqlite3.Connection, known: VectorState, null_turns: str, measure: Measure) -> None:
    slot = known.slot
    if _state(db, slot).collection == known.collection:
        maxima = measure(kept_vectors.pages(db, slot=slot))
        _put(db, slot, null_maxima=maxima.tobytes(), null_turns=null_turns)


def _put(db: sqlite3.Connection, slot: Slot, **values: str | int | bytes | None) -> None:
    rows = [(f"{key}{slot.value}", value) for key, value in values.items()]
    db.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", rows)
