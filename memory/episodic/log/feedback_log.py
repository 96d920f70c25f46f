"""People's ratings of answers with the turn's memory decisions: labels for tuning the gap filter."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from memory.database import Database, OwnerTables, from_micros, to_micros
from memory.episodic.log.episode_log import TIER

PUT: Final = (
    "INSERT INTO feedback (turn_id, good, decisions, at) VALUES (?, ?, ?, ?) ON CONFLICT (turn_id)"
    " DO UPDATE SET good = excluded.good, decisions = excluded.decisions, at = excluded.at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A person's rating of a turn."""

    turn_id: str
    good: bool
    decisions: str
    """JSON: the turn's kept and cut memories, as the front end wrote it."""
    at: datetime


class FeedbackLog:
    """Feedback in the owner's file; a later rating of a turn replaces the earlier."""

    def __init__(self, files: OwnerTables) -> None:
        self._files = files

    async def put(self, feedback: Feedback, *, owner: str) -> None:
        """Store the feedback, replacing an earlier rating of the turn."""
        row = (feedback.turn_id, int(feedback.good), feedback.decisions, to_micros(feedback.at))
        await self._files.write(owner, TIER, partial(_put, row=row))

    async def remove(self, turn_id: str, *, owner: str) -> None:
        """Delete the rating of a turn."""
        await self._files.write(owner, TIER, partial(_remove, turn_id=turn_id))

    async def all(self, *, owner: str) -> list[Feedback]:
        """Return all feedback, oldest first."""
        rows = await self._files.read(owner, TIER, _all)
        return [
            Feedback(turn_id=turn_id, good=bool(good), decisions=decisions, at=from_micros(at))
            for turn_id, good, decisions, at in rows
        ]


def _put(db: Database, row: Iterable[str | int]) -> None:
    db.execute(PUT, tuple(row))


def _remove(db: Database, turn_id: str) -> None:
    db.execute("DELETE FROM feedback WHERE turn_id = ?", (turn_id,))


def _all(db: Database) -> list[tuple[str, int, str, int]]:
    return db.execute("SELECT turn_id, good, decisions, at FROM feedback ORDER BY at, turn_id").fetchall()
