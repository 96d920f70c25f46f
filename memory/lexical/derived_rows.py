"""Index rows of an episode, written in its transaction: words and keys."""

import sqlite3

from memory.lexical import lexical_index as lexicon
from memory.lexical.structural_keys import find_keys
from memory.provenance import load, said

VERSION = 2
"""Version of the derivation; files with an older one are indexed again."""
_DOCUMENTS, _VERSION = "documents", "derived_version"


def derive(db: sqlite3.Connection, seq: int, message: str, reply: str) -> None:
    """Index the words and keys of a new episode; `message` includes its parts."""
    lexicon.put(db, seq, message, reply)
    found = dict.fromkeys(find_keys(message) + find_keys(reply))
    db.executemany("INSERT OR IGNORE INTO keys (key, seq) VALUES (?, ?)", [(key, seq) for key in found])


def remove_derived(db: sqlite3.Connection, seq: int, message: str, reply: str) -> None:
    """Remove the words and keys of an episode, given what was passed to `derive`."""
    lexicon.remove(db, seq, message, reply)
    db.execute("DELETE FROM keys WHERE seq = ?", (seq,))


def count_documents(db: sqlite3.Connection) -> int:
    """Return how many episodes are indexed."""
    return _number(db, _DOCUMENTS)


def add_documents(db: sqlite3.Connection, added: int) -> None:
    """Add to the number of indexed episodes."""
    if added:
        _put(db, _DOCUMENTS, count_documents(db) + added)
        _put(db, _VERSION, VERSION)


def is_current(db: sqlite3.Connection) -> bool:
    """Return whether words and keys were derived by this version."""
    return not count_documents(db) or _number(db, _VERSION) == VERSION


def derive_all(db: sqlite3.Connection) -> None:
    """Index the words and keys of every episode again."""
    lexicon.clear(db)
    db.execute("DELETE FROM keys")
    db.execute("DELETE FROM meta WHERE key IN (?, ?)", (_DOCUMENTS, _VERSION))
    count = 0
    for seq, message, reply, provenance in db.execute(_texts(db)):
        derive(db, seq, said(message, load(provenance)[2]), reply)
        count += 1
    add_documents(db, count)


def _texts(db: sqlite3.Connection) -> str:
    """Return the query for all texts; in a file under migration the provenance column may be missing."""
    columns = {row[1] for row in db.execute("PRAGMA table_info(episodes)")}
    told = "provenance" if "provenance" in columns else "''"
    return f"SELECT seq, message, reply, {told} FROM episodes ORDER BY seq"  # noqa: S608


def _number(db: sqlite3.Connection, key: str) -> int:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return int(row[0]) if row else 0


def _put(db: sqlite3.Connection, key: str, value: int) -> None:
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))
