"""Where the vectors led a search, kept in memory: asked again, only what came since is looked at.

Every turn adds to the archive, so that no result as a whole is asked for twice. Which parts lie close to a
message does not change for those that were there: they are kept with the place in the log that was seen, and
scored anew with all that came after it.
"""

import hashlib
import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from memory.episodic.vectors.vector_backend import Found, Vector

KEPT = 512
"""Searches that are remembered."""
MOST_SINCE = 200
"""Episodes since then up to which they are all looked at; after more the vectors are searched again."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the vectors led, in an archive that had all its vectors."""

    collection: str
    vector: Vector
    """Of what was searched for."""
    found: Sequence[Found]
    place: int
    """Sequence number of the latest episode that was there."""


@dataclass(frozen=True, slots=True)
class Reaches:
    """The latest searches, by owner and text; what was used last is kept longest."""

    _kept: OrderedDict[str, Reach] = field(default_factory=OrderedDict)

    def find(self, owner: str, text: str, limit: int) -> Reach | None:
        """Return where a search led before."""
        key = _key(owner, text, limit)
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, owner: str, text: str, limit: int, reach: Reach) -> None:
        """Remember where a search led."""
        key = _key(owner, text, limit)
        self._kept[key] = reach
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def forget(self, owner: str, text: str, limit: int) -> None:
        """Forget a search: some of what it led to is gone."""
        self._kept.pop(_key(owner, text, limit), None)


def since(db: sqlite3.Connection, place: int) -> list[Found] | None:
    """Return the episodes after a place in the log; None when they are too many."""
    sql = "SELECT turn_id FROM episodes WHERE seq > ? ORDER BY seq LIMIT ?"
    rows = db.execute(sql, (place, MOST_SINCE + 1)).fetchall()
    return None if len(rows) > MOST_SINCE else [Found(turn_id, 0.0) for (turn_id,) in rows]


def _key(owner: str, text: str, limit: int) -> str:
    return hashlib.sha256(f"{owner}\0{limit}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
