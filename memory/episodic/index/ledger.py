"""The record of an owner's vectors in the owner's file, to check the vector index against."""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np

from memory.database import Database, OwnerTables
from memory.episodic.index.vector_state import (
    KEYS,
    Maxima,
    VectorState,
    add_to_total,
    put,
    read_model_state,
    read_state,
    read_states,
)
from memory.episodic.log.episode_log import TIER, seqs_of
from memory.episodic.vectors import kept_vectors
from memory.episodic.vectors.kept_vectors import KeptPart, Parts, Slot
from memory.errors import EmbeddingMismatch

Measure = Callable[[Iterable[Parts]], Maxima]


class VectorLedger:
    """Reads and commits `VectorState` in the owner's file.

    Args:
        files: the owners' files.
        model: the model whose vectors to use; without any, another model's are read.
    """

    def __init__(self, files: OwnerTables, model: str) -> None:
        self._files = files
        self._model = model

    async def state(self, owner: str) -> VectorState:
        return await self._files.read(owner, TIER, partial(read_model_state, model=self._model))

    async def own(self, owner: str) -> VectorState:
        """Return the state of the slot that has this model's vectors, or of the one to build them in.

        Raises:
            EmbeddingMismatch: both have vectors by other models.
        """
        states = await self._files.read(owner, TIER, read_states)
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
        return [state for state in await self._files.read(owner, TIER, read_states) if state.collection]

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
        await self._files.write(owner, TIER, partial(put, slot=state.slot, rebuilding=0))

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
            owner: owner of the vectors.
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


def _begin(db: Database, model: str, slot: Slot, instead_of: str | None, clear: bool) -> VectorState:
    state = read_state(db, slot)
    if state.collection != instead_of:
        return state
    dimension = state.dimension
    if clear or state.model != model or kept_vectors.count(db, slot) < state.parts:
        dimension = None
        _drop(db, slot)
    if clear:
        put(db, slot, rebuilding=1)
    _mark_pending(db, slot)
    put(db, slot, collection=secrets.token_hex(4), embedding_model=model, embedding_dimension=dimension)
    put(db, slot, vector_writes=state.writes + 1, parts=0)
    return read_state(db, slot)


def _drop(db: Database, slot: Slot) -> None:
    kept_vectors.clear(db, slot)
    _mark_pending(db, slot)
    db.executemany("DELETE FROM meta WHERE key = ?", [(f"{key}{slot.value}",) for key in KEYS])


def _mark_pending(db: Database, slot: Slot) -> None:
    db.execute(f"UPDATE episodes SET {slot.column} = NULL WHERE {slot.column} IS NOT NULL")  # noqa: S608


def _kept(db: Database, slot: Slot, turn_ids: list[str]) -> dict[tuple[str, int], KeptPart]:
    turns = {seq: turn_id for turn_id, seq in seqs_of(db, turn_ids).items()}
    found = kept_vectors.read(db, turns, slot)
    parts = {}
    for seq, number, (first, last), small_talk, vector in found.rows():
        parts[turns[seq], number] = KeptPart(number, first, last, small_talk, vector)
    return parts


def _mark(
    db: Database,
    known: VectorState,
    written: Mapping[str, Sequence[KeptPart]],
    parts: Mapping[str, int],
    maxima: Maxima,
) -> VectorState:
    slot = known.slot
    state = read_state(db, slot)
    if state.collection != known.collection:
        return state
    seqs = seqs_of(db, list(written))
    kept = [part for turn, seq in seqs.items() for part in kept_vectors.keep(db, seq, written[turn], slot)]
    add_to_total(db, slot, kept)
    marked = 0
    for turn_id, count in parts.items():
        where = "WHERE turn_id = ?"
        row = db.execute(f"SELECT {slot.column} FROM episodes {where}", (turn_id,)).fetchone()  # noqa: S608
        db.execute(f"UPDATE episodes SET {slot.column} = ? {where}", (count, turn_id))  # noqa: S608
        marked += count - (row[0] or 0) if row else 0
    if state.maxima is not None and state.null_turns == known.null_turns:
        put(db, slot, null_maxima=np.maximum(state.maxima, maxima).tobytes())
    elif not state.parts and not state.null_turns:
        put(db, slot, null_maxima=maxima.tobytes(), null_turns=known.null_turns)
    put(db, slot, embedding_dimension=known.dimension)
    put(db, slot, parts=state.parts + marked, vector_writes=state.writes + 1)
    return read_state(db, slot)


def _measure(db: Database, known: VectorState, null_turns: str, measure: Measure) -> None:
    slot = known.slot
    if read_state(db, slot).collection == known.collection:
        maxima = measure(kept_vectors.pages(db, slot))
        put(db, slot, null_maxima=maxima.tobytes(), null_turns=null_turns)
