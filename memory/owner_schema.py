"""The tables of an owner's file, and how older files become newer ones."""

import sqlite3
from collections.abc import Sequence
from typing import Final

MIGRATIONS: Final[Sequence[Sequence[str]]] = (
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
)
"""One tuple of statements a version. `episodes.parts` is how many vectors stand for the episode, NULL before
it is indexed. Times are microseconds since the epoch."""

VERSION: Final = len(MIGRATIONS)


def version(connection: sqlite3.Connection) -> int:
    """Read the schema version that the file was brought to."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date; call it inside a transaction."""
    for number, statements in enumerate(MIGRATIONS[version(connection) :], start=version(connection) + 1):
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
