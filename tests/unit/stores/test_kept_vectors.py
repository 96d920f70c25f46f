"""The vectors that are kept beside the log."""

import sqlite3
from contextlib import closing

from memory.episodic.vectors import kept_vectors
from memory.episodic.vectors.kept_vectors import NUMBER_BITS, Slot
from memory.owners.owner_schema import migrate

EPISODES = 3000
STEPS = 100
"""Of SQLite's virtual machine; a read of two episodes takes a few hundred."""


def test_vectors_of_some_episodes_are_read_without_going_through_all() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        migrate(db)
        rows = [(seq << NUMBER_BITS | 1, 0, 1, 0.0, b"\x00\x3c") for seq in range(EPISODES)]
        kept_vectors.copy(db, rows)
        taken: list[int] = []
        db.set_progress_handler(lambda: taken.append(STEPS), STEPS)
        parts = kept_vectors.read(db, [7, 2900], Slot.FIRST, kept_vectors.LATEST)
        assert parts.seqs.tolist() == [7, 2900]
        assert sum(taken) < EPISODES
        assert kept_vectors.read(db, [7, 2900], Slot.FIRST, 2899 << NUMBER_BITS).seqs.tolist() == [7]
