"""What was observed of each turn, in its owner's file: the gap filter is tuned by it."""

import sqlite3
import zlib
from dataclasses import dataclass
from functools import partial

from memory.columns import to_micros
from memory.episodic.log import TIER
from memory.observation import Observation
from memory.owner_files import OwnerFiles

_LEVEL = 1
"""Of compression: a turn of thirty candidates takes 2 kB instead of 9."""


@dataclass(frozen=True, slots=True)
class ObservationLog:
    """Keep observations in the owner's file; the first of a turn stands."""

    files: OwnerFiles

    async def put(self, observation: Observation, *, owner: str) -> bool:
        """Keep it; return False when there is one of that turn."""
        packed = zlib.compress(observation.to_json().encode(), _LEVEL)
        row = (observation.turn_id, to_micros(observation.at), packed)
        return await self.files.write(owner, TIER, partial(_put, row=row))

    async def get(self, turn_id: str, *, owner: str) -> Observation | None:
        """Read that of a turn."""
        found = await self._read(owner, "WHERE turn_id = ?", turn_id)
        return found[0] if found else None

    async def recent(self, *, owner: str, limit: int) -> list[Observation]:
        """Read the latest, newest first."""
        return await self._read(owner, "ORDER BY at DESC, turn_id DESC LIMIT ?", max(limit, 0))

    async def all(self, *, owner: str) -> list[Observation]:
        """Read all, oldest first."""
        return await self._read(owner, "ORDER BY at, turn_id")

    async def _read(self, owner: str, which: str, *values: str | int) -> list[Observation]:
        rows = await self.files.read(owner, TIER, partial(_select, which=which, values=values))
        return [Observation.from_json(zlib.decompress(packed)) for (packed,) in rows]


def _put(db: sqlite3.Connection, row: tuple[str, int, bytes]) -> bool:
    done = db.execute("INSERT OR IGNORE INTO observations (turn_id, at, observation) VALUES (?, ?, ?)", row)
    return done.rowcount > 0


def _select(db: sqlite3.Connection, which: str, values: tuple[str | int, ...]) -> list[tuple[bytes]]:
    return db.execute(f"SELECT observation FROM observations {which}", values).fetchall()  # noqa: S608
