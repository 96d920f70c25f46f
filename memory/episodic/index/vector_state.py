"""The recorded state of an owner's vectors, in the owner's file."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory.database import Database, owner_key, put_meta
from memory.embedding.embedding_model import EmbeddingModel
from memory.episodic.vectors import kept_vectors
from memory.episodic.vectors.kept_vectors import KeptPart, Slot
from memory.episodic.vectors.vector_backend import TIER
from memory.errors import EmbeddingMismatch

Maxima = NDArray[np.float32]
KEYS = (
    *("collection", "embedding_model", "embedding_dimension", "vector_writes", "parts"),
    *("null_turns", "null_maxima", "vector_total", "rebuilding"),
)
"""Keys of the state in `meta`; a slot's value is appended to them."""


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


def read_state(db: Database, slot: Slot) -> VectorState:
    """Read the state of one slot."""
    stored = db.execute("SELECT key, value FROM meta").fetchall()
    meta = {
        key.removesuffix(slot.value): value
        for key, value in stored
        if key.endswith(slot.value) and value is not None
    }
    latest = kept_vectors.latest(db, slot)
    sql = f"SELECT COUNT(*), COUNT(*) FILTER (WHERE seq <= ?) FROM episodes WHERE {slot.column} IS NULL"  # noqa: S608
    pending, gaps = db.execute(sql, (latest >> kept_vectors.NUMBER_BITS,)).fetchone()
    blob = meta.get("null_maxima")
    return VectorState(
        slot=slot,
        collection=meta["collection"].decode() if "collection" in meta else None,
        model=meta["embedding_model"].decode() if "embedding_model" in meta else None,
        dimension=int(meta["embedding_dimension"]) if "embedding_dimension" in meta else None,
        writes=int(meta.get("vector_writes", 0)),
        parts=int(meta.get("parts", 0)),
        pending=pending,
        null_turns=meta.get("null_turns", b"").decode(),
        maxima=None if blob is None else np.frombuffer(blob, np.float32),
        latest=latest,
        gaps=gaps,
        total=None if "vector_total" not in meta else np.frombuffer(meta["vector_total"]),
        rebuilding=bool(int(meta.get("rebuilding", 0))),
    )


def read_states(db: Database) -> list[VectorState]:
    """Read the state of each slot."""
    return [read_state(db, slot) for slot in Slot]


def read_model_state(db: Database, model: str) -> VectorState:
    """Read the slot with this model's vectors; without any, one with another model's."""
    stored = dict(db.execute("SELECT key, value FROM meta WHERE key LIKE 'embedding_model%'").fetchall())
    first, second = (stored.get(f"embedding_model{slot.value}") for slot in Slot)
    return read_state(db, Slot.SECOND if second == model.encode() or (second and not first) else Slot.FIRST)


def put(db: Database, slot: Slot, **values: str | int | bytes | None) -> None:
    """Write values of a slot's state."""
    for key, value in values.items():
        put_meta(db, f"{key}{slot.value}", value)


def added_up(total: NDArray[np.float64] | None, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `VectorState.total` with more vectors added; sums of half-precision numbers are exact."""
    added = np.append(vectors.sum(axis=0), len(vectors))
    return added if total is None else total + added


def add_to_total(db: Database, slot: Slot, kept: Sequence[KeptPart]) -> None:
    """Add the vectors of whole turns among these parts to the archive's sum."""
    if fresh := [part.vector for part in kept if part.number != kept_vectors.MESSAGE]:
        total = added_up(read_state(db, slot).total, np.asarray(fresh, np.float64))
        put(db, slot, vector_total=total.tobytes())


def collection_name(owner: str, state: VectorState) -> str:
    return f"{owner_key(owner)}-{state.collection}"


def check_model(state: VectorState, owner: str, model: EmbeddingModel) -> VectorState:
    """Return `state` if its vectors are by this model.

    Raises:
        EmbeddingMismatch: they are not; the message says what to do.
    """
    made_by = state.model
    if made_by is None or state.collection is None:
        return state
    other_length = None not in (model.dimension, state.dimension) and model.dimension != state.dimension
    if made_by != model.name or other_length:
        raise EmbeddingMismatch(
            TIER,
            f"the vectors of {owner!r} were made by {made_by} ({state.dimension} numbers), not by"
            f" {model.name} ({model.dimension}); run `goat reindex --owner {owner}`, or set"
            f" GOAT_EMBEDDING_MODEL back to {made_by}",
        )
    return state
