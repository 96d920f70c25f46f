"""Index rows of an episode, written in its transaction: words and keys."""

from memory.database import Database, put_meta, read_number
from memory.lexical import lexical_index as lexicon
from memory.lexical.posting_table import INDEXED_TERMS
from memory.lexical.structural_keys import find_keys
from memory.provenance import load, said

VERSION = 2
"""Version of the derivation; files with an older one are indexed again."""
_DOCUMENTS, _VERSION = "documents", "derived_version"
META_KEYS = (_DOCUMENTS, _VERSION, INDEXED_TERMS)
"""Keys of `meta` whose values are derived from the episodes."""
_PAGE = 256


def derive(db: Database, seq: int, message: str, reply: str) -> None:
    """Index the words and keys of a new episode; `message` includes its parts."""
    lexicon.put(db, seq, message, reply)
    found = dict.fromkeys(find_keys(message) + find_keys(reply))
    sql = "INSERT OR IGNORE INTO keys (key, seq) VALUES (?, ?)"
    db.executemany(sql, [(key, seq) for key in found])


def remove_derived(db: Database, seq: int, message: str, reply: str) -> None:
    """Remove the words and keys of an episode, given what was passed to `derive`."""
    lexicon.remove(db, seq, message, reply)
    db.execute("DELETE FROM keys WHERE seq = ?", (seq,))


def count_documents(db: Database) -> int:
    """Return how many episodes are indexed."""
    return read_number(db, _DOCUMENTS)


def add_documents(db: Database, added: int) -> None:
    """Add to the number of indexed episodes."""
    if added:
        put_meta(db, _DOCUMENTS, count_documents(db) + added)
        put_meta(db, _VERSION, VERSION)


def is_current(db: Database) -> bool:
    """Return whether words and keys were derived by this version."""
    return not count_documents(db) or read_number(db, _VERSION) == VERSION


def derive_all(db: Database, provenance: str = "provenance") -> None:
    """Index the words and keys of every episode again.

    Args:
        db: the owner's tables.
        provenance: the SQL of an episode's provenance, which the oldest files lack.
    """
    lexicon.clear(db)
    db.execute("DELETE FROM keys")
    db.execute("DELETE FROM meta WHERE key IN (?, ?)", (_DOCUMENTS, _VERSION))
    columns = f"seq, message, reply, {provenance}"
    sql = f"SELECT {columns} FROM episodes WHERE seq > ? ORDER BY seq LIMIT {_PAGE}"  # noqa: S608
    count = after = 0
    while rows := db.execute(sql, (after,)).fetchall():
        for seq, message, reply, told in rows:
            derive(db, seq, said(message, load(told)[2]), reply)
        count, after = count + len(rows), rows[-1][0]
    add_documents(db, count)
