"""Tables of an owner's file, and their migrations."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from memory.database import Database
from memory.lexical.fts5_index import TABLES as LEXICAL_TABLES
from memory.lexical.lexical_index import derive_all, is_current

Step = str | Callable[[Database], None]

MIGRATIONS: Final[Sequence[Sequence[Step]]] = (
    (
        "CREATE TABLE owner (id INTEGER PRIMARY KEY CHECK (id = 1), name BLOB NOT NULL)",
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID",
        """CREATE TABLE episodes (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            turn_id TEXT NOT NULL UNIQUE,
            thread TEXT NOT NULL,
            message TEXT NOT NULL,
            reply TEXT NOT NULL,
            at INTEGER NOT NULL,
            tags TEXT NOT NULL,
            access_count INTEGER NOT NULL DEFAULT 0,
            parts INTEGER
        )""",
        "CREATE INDEX episodes_by_time ON episodes (at, seq)",
        "CREATE INDEX episodes_pending ON episodes (seq) WHERE parts IS NULL",
        """CREATE TABLE facts (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            identifier TEXT NOT NULL,
            key TEXT NOT NULL,
            value TEXT,
            at INTEGER NOT NULL
        )""",
        "CREATE INDEX facts_by_identifier ON facts (identifier, at, seq)",
        "CREATE TABLE identities (seq INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT, at INTEGER NOT NULL)",
    ),
    (
        "CREATE INDEX episodes_by_thread ON episodes (thread, seq)",
        "CREATE TABLE keys (key TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (key, seq)) WITHOUT ROWID",
        """CREATE TABLE vectors (
            id INTEGER PRIMARY KEY,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            small_talk REAL NOT NULL,
            vector BLOB NOT NULL
        )""",
        *LEXICAL_TABLES,
        partial(derive_all, provenance="''"),
    ),
    (
        """CREATE TABLE feedback (
            turn_id TEXT PRIMARY KEY,
            good INTEGER NOT NULL,
            decisions TEXT NOT NULL,
            at INTEGER NOT NULL
        ) WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE observations (
            turn_id TEXT PRIMARY KEY,
            at INTEGER NOT NULL,
            observation BLOB NOT NULL
        )""",
        "CREATE INDEX observations_by_time ON observations (at, turn_id)",
    ),
    (
        """CREATE TABLE labels (
            turn_id TEXT NOT NULL,
            memory TEXT NOT NULL,
            relevant INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (turn_id, memory)
        ) WITHOUT ROWID""",
    ),
    ("ALTER TABLE episodes ADD COLUMN provenance TEXT NOT NULL DEFAULT ''",),
    ("CREATE TABLE removed (turn_id TEXT PRIMARY KEY) WITHOUT ROWID",),
    (
        """CREATE TABLE vectors_2 (
            id INTEGER PRIMARY KEY,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            small_talk REAL NOT NULL,
            vector BLOB NOT NULL
        )""",
        "ALTER TABLE episodes ADD COLUMN parts_2 INTEGER",
        "CREATE INDEX episodes_pending_2 ON episodes (seq) WHERE parts_2 IS NULL",
    ),
    ("UPDATE meta SET value = CAST(value AS BLOB)",),
)
"""Steps of each schema version. `episodes.parts` is the episode's number of vectors, NULL before indexing;
`vectors_2` and `episodes.parts_2` are those by a second embedding model; `episodes.provenance` is in the
format of `memory.provenance`; `removed` has the ids of deleted episodes, which are not appended again. Times
are microseconds since the epoch. For the content of `vectors` see `memory.episodic.vectors.kept_vectors`.
"""

VERSION: Final = len(MIGRATIONS)


def version(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def is_up_to_date(connection: sqlite3.Connection) -> bool:
    """Return whether schema and derived rows are of the current version."""
    return version(connection) == VERSION and is_current(connection)


def migrate(connection: sqlite3.Connection) -> None:
    """Migrate the tables to the current version; call it inside a transaction."""
    for number, steps in enumerate(MIGRATIONS[version(connection) :], start=version(connection) + 1):
        for step in steps:
            if isinstance(step, str):
                connection.execute(step)
            else:
                step(connection)
        connection.execute(f"PRAGMA user_version = {number}")
    if not is_current(connection):
        derive_all(connection)
