"""Removal of single episodes from the owner's file, with everything derived from them."""

import json
from collections.abc import Sequence

import numpy as np

from memory.database import Database
from memory.episodic.index.vector_state import added_up, put, read_states
from memory.episodic.vectors import kept_vectors
from memory.lexical import lexical_index as lexicon
from memory.provenance import load, said

_CHOSEN = "SELECT value FROM json_each(?)"


def remove_episodes(db: Database, turn_ids: Sequence[str]) -> None:
    """Delete episodes with their words, vectors, ratings, labels and observations, in one transaction.

    Their ids are kept: a turn that a crash repeats is not appended again.
    """
    chosen = json.dumps(turn_ids)
    sql = f"SELECT seq, message, reply, provenance FROM episodes WHERE turn_id IN ({_CHOSEN})"  # noqa: S608
    rows = db.execute(sql, (chosen,)).fetchall()
    for seq, message, reply, provenance in rows:
        _remove_vectors(db, seq)
        lexicon.remove_derived(db, seq, said(message, load(provenance)[2]), reply)
    lexicon.add_documents(db, -len(rows))
    if rows:
        lexicon.compact(db)
    for table in ("episodes", "feedback", "observations", "labels"):
        db.execute(f"DELETE FROM {table} WHERE turn_id IN ({_CHOSEN})", (chosen,))  # noqa: S608
    db.execute(f"DELETE FROM labels WHERE memory IN ({_CHOSEN})", (chosen,))  # noqa: S608
    db.execute(f"INSERT OR IGNORE INTO removed (turn_id) {_CHOSEN}", (chosen,))


def _remove_vectors(db: Database, seq: int) -> None:
    """Delete an episode's vectors by every model; the next index run measures the null turns again."""
    for state in read_states(db):
        gone = kept_vectors.remove(db, seq, state.slot)
        whole = gone.vectors[gone.numbers != kept_vectors.MESSAGE].astype(np.float64)
        if len(whole) and state.total is not None:
            put(db, state.slot, vector_total=(state.total - added_up(None, whole)).tobytes())
        sql = f"SELECT {state.slot.column} FROM episodes WHERE seq = ?"  # noqa: S608
        (parts,) = db.execute(sql, (seq,)).fetchone()
        left, writes = state.parts - (parts or 0), state.writes + 1
        if state.collection is not None:
            put(db, state.slot, parts=left, vector_writes=writes, null_turns="", null_maxima=None)
