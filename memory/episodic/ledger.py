"""What an owner's file knows about the owner's vectors, so that they can be checked against it."""

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from memory.episodic.log import TIER
from memory.owner_files import OwnerFiles

Maxima = NDArray[np.float32]


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


class VectorLedger:
    """Keep `VectorState` in the owner's file, each change in one transaction."""

    def __init__(self, files: OwnerFiles) -> None:
        self._files = files

    async def state(self, owner: str) -> VectorState:
        """Read it."""
        return await self._files.read(owner, TIER, _state)

    async def begin(self, owner: str, model: str, *, instead_of: str | None) -> VectorState:
        """Start a new, empty collection: every episode waits to be indexed again.

        Returns:
            The state from then on; nothing changes when the collection is no longer `instead_of`.
        """
        return await self._files.write(owner, TIER, partial(_begin, model=model, instead_of=instead_of))

    async def mark(
        self, owner: str, state: VectorState, parts: Mapping[str, int], maxima: Maxima
    ) -> VectorState:
        """Note that episodes stand in the collection of `state` as so many parts each; raise the maxima.

        `state` carries the dimension of the vectors and the set of null turns as the caller knows them.

        Returns:
            The state from then on; nothing is noted when the collection is another one by now.
        """
        work = partial(_mark, known=state, parts=parts, maxima=maxima)
        return await self._files.write(owner, TIER, work)

    async def set_maxima(self, owner: str, collection: str, maxima: Maxima, null_turns: str) -> None:
        """Replace the null turns' maxima, as found in `collection`."""
        work = partial(_set_maxima, collection=collection, maxima=maxima, null_turns=null_turns)
        await self._files.write(owner, TIER, work)


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
    )


def _begin(db: sqlite3.Connection, model: str, instead_of: str | None) -> VectorState:
    state = _state(db)
    if state.collection != instead_of:
        return state
    db.execute("UPDATE episodes SET parts = NULL WHERE parts IS NOT NULL")
    _put(db, collection=secrets.token_hex(4), embedding_model=model, embedding_dimension=None)
    _put(db, vector_writes=state.writes + 1, parts=0, null_turns="", null_maxima=None)
    return _state(db)


def _mark(
    db: sqlite3.Connection, known: VectorState, parts: Mapping[str, int], maxima: Maxima
) -> VectorState:
    state = _state(db)
    if state.collection != known.collection:
        return state
    added = sum(_mark_one(db, turn_id, count) for turn_id, count in parts.items())
    if state.maxima is not None and state.null_turns == known.null_turns:
        _put(db, null_maxima=np.maximum(state.maxima, maxima).tobytes())
    elif not state.parts:
        _put(db, null_maxima=maxima.tobytes(), null_turns=known.null_turns)
    _put(db, embedding_dimension=known.dimension, parts=state.parts + added, vector_writes=state.writes + 1)
    return _state(db)


def _mark_one(db: sqlite3.Connection, turn_id: str, count: int) -> int:
    row = db.execute("SELECT parts FROM episodes WHERE turn_id = ?", (turn_id,)).fetchone()
    db.execute("UPDATE episodes SET parts = ? WHERE turn_id = ?", (count, turn_id))
    return count - (row[0] or 0) if row else 0


def _set_maxima(db: sqlite3.Connection, collection: str, maxima: Maxima, null_turns: str) -> None:
    if _state(db).collection == collection:
        _put(db, null_maxima=maxima.tobytes(), null_turns=null_turns)


def _put(db: sqlite3.Connection, **values: str | int | bytes | None) -> None:
    db.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", values.items())
