"""Removal of single episodes from the owner's file, with everything derived from them."""

import json
import sqlite3
from collections.abc import Sequence

from memory.episodic.index.ledger import remove_vectors
from memory.lexical import lexical_index as lexicon
from memory.lexical.derived_rows import add_documents, remove_derived
from memory.provenance import load, said

_CHOSEN = "SELECT value FROM json_each(?)"


def remove_episodes(db: sqlite3.Connection, turn_ids: Sequence[str]) -> None:
    """Delete episodes with their words, vectors, ratings, labels and observations, in one transaction.

    Their ids are kept: a turn that a crash repeats is not appended again.
    """
    chosen = json.dumps(turn_ids)
    sql = f"SELECT seq, message, reply, provenance FROM episodes WHERE turn_id IN ({_CHOSEN})"  # noqa: S608
    rows = db.execute(sql, (chosen,)).fetchall()
    for seq, message, reply, provenance in rows:
        remove_vectors(db, seq)
        remove_derived(db, seq, said(message, load(provenance)[2]), reply)
    add_documents(db, -len(rows))
    if rows:
        lexicon.compact(db)
    for table in ("episodes", "feedback", "observations", "labels"):
        db.execute(f"DELETE FROM {table} WHERE turn_id IN ({_CHOSEN})", (chosen,))  # noqa: S608
    db.execute(f"DELETE FROM labels WHERE memory IN ({_CHOSEN})", (chosen,))  # noqa: S608
    db.execute(f"INSERT OR IGNORE INTO removed (turn_id) {_CHOSEN}", (chosen,))
