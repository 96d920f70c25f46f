"""Per-turn observations in the owner's file, the data for tuning the gap filter."""

import logging
import zlib
from dataclasses import dataclass
from functools import partial

from memory.database import Database, OwnerTables, to_micros
from memory.episodic.log.episode_log import TIER
from memory.observation.observation import Observation

LEVEL = 1
"""zlib level; a turn with thirty candidates takes 2 kB instead of 9."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ObservationLog:
    """Observations in the owner's file, one per turn; the first is kept."""

    files: OwnerTables

    async def put(self, observation: Observation, *, owner: str) -> bool:
        """Store the observation; return False when the turn already has one."""
        packed = zlib.compress(observation.to_json().encode(), LEVEL)
        row = (observation.turn_id, to_micros(observation.at), packed)
        sql = "INSERT OR IGNORE INTO observations (turn_id, at, observation) VALUES (?, ?, ?)"
        return await self.files.write(owner, TIER, lambda db: db.execute(sql, row).rowcount > 0)

    async def replace(self, observation: Observation, *, owner: str) -> None:
        """Store the observation instead of an earlier one of its turn."""
        await self.remove(observation.turn_id, owner=owner)
        await self.put(observation, owner=owner)

    async def remove(self, turn_id: str, *, owner: str) -> None:
        """Delete the observation of a turn, if there is one."""
        sql = "DELETE FROM observations WHERE turn_id = ?"
        await self.files.write(owner, TIER, lambda db: db.execute(sql, (turn_id,)).rowcount)

    async def get(self, turn_id: str, *, owner: str) -> Observation | None:
        """Return the observation of a turn, or None."""
        found, _ = await self._read(owner, "WHERE turn_id = ?", turn_id)
        return found[0] if found else None

    async def recent(self, *, owner: str, limit: int) -> list[Observation]:
        """Return the latest observations, newest first."""
        found, _ = await self._read(owner, "ORDER BY at DESC, turn_id DESC LIMIT ?", max(limit, 0))
        return found

    async def all(self, *, owner: str) -> list[Observation]:
        """Return all observations, oldest first."""
        found, _ = await self.readable(owner=owner)
        return found

    async def readable(self, *, owner: str) -> tuple[list[Observation], int]:
        """Return all readable observations, oldest first, and the number of damaged ones."""
        return await self._read(owner, "ORDER BY at, turn_id")

    async def count(self, *, owner: str) -> int:
        sql = "SELECT COUNT(*) FROM observations"
        return await self.files.read(owner, TIER, lambda db: int(db.execute(sql).fetchone()[0]))

    async def _read(self, owner: str, which: str, *values: str | int) -> tuple[list[Observation], int]:
        return await self.files.read(owner, TIER, partial(_select, which=which, values=values))


def _select(db: Database, which: str, values: tuple[str | int, ...]) -> tuple[list[Observation], int]:
    found, damaged = [], 0
    for turn_id, packed in db.execute(f"SELECT turn_id, observation FROM observations {which}", values):  # noqa: S608
        try:
            found.append(Observation.from_json(zlib.decompress(packed)))
        except (zlib.error, ValueError, TypeError):
            damaged += 1
            logger.warning("The observation of turn %r is left out: it cannot be read", turn_id)
    return found, damaged
