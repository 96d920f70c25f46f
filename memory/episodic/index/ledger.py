"""What an owner's file knows about the owner's vectors, so that they can be checked against it."""

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
    """Where an owner's vectors stand and what should be in them."""

    collection: str | None = None
    """Tells this collection from the owner's earlier ones and from other installations'; None before it."""
    model: str | None = None
    dimension: int | None = None
    writes: int = 0
    """Grows after every change of the vectors, by whichever process."""
    parts: int = 0
    """How many vectors there should be at least."""
    pending: int = 0
    """How many episodes have no vectors yet."""
    null_turns: str = ""
    """Which set of null turns `maxima` belongs to."""
    maxima: Maxima | None = None
    """Best similarity that each null turn reaches here."""
    latest: int = -1
    """Id of the latest vector that is kept; -1 when there is none."""
    total: NDArray[np.float64] | None = None
    """The sum of the vectors of whole turns, and behind it how many they are."""

    @property
    def mean(self) -> NDArray[np.float64] | None:
        """What the archive is like in general."""
        return None if self.total is None or not self.total[-1] else self.total[:-1] / self.total[-1]


class VectorLedger:
    """Keep `VectorState` in the owner's file, each change in one transaction."""

    def __init__(self, files: OwnerFiles) -> None:
        self._files = files

    async def state(self, owner: str) -> VectorState:
        """Read it."""
        return await self._files.read(owner, TIER, _state)

    async def begin(
        self, owner: str, model: str, *, instead_of: str | None, afresh: bool = False
    ) -> VectorState:
        """Start a new, empty collection: every episode waits to be indexed again.

        What is kept beside the log goes when another model made it, or `afresh` is asked for.

        Returns:
            The state from then on; nothing changes when the collection is no longer `instead_of`.
        """
        return await self._files.write(
            owner, TIER, partial(_begin, model=model, instead_of=instead_of, afresh=afresh)
        )

    async def kept(self, owner: str, turn_ids: Iterable[str]) -> dict[tuple[str, int], KeptPart]:
        """Read what is kept of these episodes' parts, by turn id and number."""
        return await self._files.read(owner, TIER, partial(_kept, turn_ids=list(turn_ids)))

    async def mark(
        self,
        owner: str,
        state: VectorState,
        written: Mapping[str, Sequence[KeptPart]],
        parts: Mapping[str, int],
        maxima: Maxima,
    ) -> VectorState:
        """Keep vectors that stand in the collection of `state`, and note which episodes are whole with them.

        Args:
            owner: whose they are.
            state: also carries the dimension of the vectors and the null turns as the caller knows them.
            written: by turn id.
            parts: of how many parts each episode is made that is whole now.
            maxima: the null turns' best similarities with what was written.

        Returns:
            The state from then on; nothing is noted when the collection is another one by now.
        """
        work = partial(_mark, known=state, written=written, parts=parts, maxima=maxima)
        return await self._files.write(owner, TIER, work)

    async def measure(self, owner: str, collection: str, null_turns: str, measure: Measure) -> None:
        """Replace the null turns' maxima by what `measure` finds in all vectors that are kept."""
        work = partial(_measure, collection=collection, null_turns=null_turns, measure=measure)
        await self._files.write(owner, TIER, work)


def added_up(total: NDArray[np.float64] | None, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `VectorState.total` with more vectors in it; half-precision numbers add up without rounding."""
    added = np.append(vectors.sum(axis=0), len(vectors))
    return added if total is None else total + added


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


def _begin(db: sqlite3.Connection, model: str, instead_of: str | None, afresh: bool) -> VectorState:
    state = _state(db)
    if state.collection != instead_of:
        return state
    dimension = state.dimension
    if afresh or state.model != model or kept_vectors.count(db) < state.parts:
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
