"""Cache of vector searches; a repeated search only adds later episodes.

Every turn adds to the archive, so a complete result is never requested twice. But the parts closest to a
message among older episodes stay the same: they are cached with the sequence number up to which they are
valid, and scored again together with all later episodes.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from memory.database import Database
from memory.episodic.vectors.vector_backend import Found, Vector

KEPT = 512
"""Cached searches."""
MOST_SINCE = 200
"""Later episodes that are all added to a cached result; with more, the vectors are searched again."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The result of a vector search in a fully indexed archive."""

    collection: str
    vector: Vector
    """Vector of the query."""
    found: Sequence[Found]
    place: int
    """Sequence number of the latest indexed episode."""


@dataclass(frozen=True, slots=True)
class Reaches:
    """LRU cache of vector searches by owner, text and limit."""

    _kept: OrderedDict[str, Reach] = field(default_factory=OrderedDict)

    def find(self, owner: str, text: str, limit: int) -> Reach | None:
        """Return the cached result, or None."""
        key = _key(owner, text, limit)
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, owner: str, text: str, limit: int, reach: Reach) -> None:
        """Cache the result of a search."""
        key = _key(owner, text, limit)
        self._kept[key] = reach
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def forget(self, owner: str, text: str, limit: int) -> None:
        """Remove a search from the cache, because some of its episodes no longer exist."""
        self._kept.pop(_key(owner, text, limit), None)


def since(db: Database, place: int) -> list[Found] | None:
    """Return the episodes after `place`; None when there are more than `MOST_SINCE`."""
    sql = "SELECT turn_id FROM episodes WHERE seq > ? ORDER BY seq LIMIT ?"
    rows = db.execute(sql, (place, MOST_SINCE + 1)).fetchall()
    return None if len(rows) > MOST_SINCE else [Found(turn_id, 0.0) for (turn_id,) in rows]


def _key(owner: str, text: str, limit: int) -> str:
    return hashlib.sha256(f"{owner}\0{limit}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
