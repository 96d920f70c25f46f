"""What people thought of an answer, with what was recalled for it: labels to tune the gap filter by."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from memory.episodic.log.episode_log import TIER
from memory.owners.owner_files import OwnerFiles
from memory.text.columns import from_micros, to_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What somebody thought of a turn."""

    turn_id: str
    good: bool
    decisions: str
    """JSON: what was recalled and cut in the turn, as the front end wrote it."""
    at: datetime


class FeedbackLog:
    """Keep feedback in the owner's file; the latest of a turn stands."""

    def __init__(self, files: OwnerFiles) -> None:
        self._files = files

    async def put(self, feedback: Feedback, *, owner: str) -> None:
        """Keep it, in the place of what was said of that turn before."""
        row = (feedback.turn_id, int(feedback.good), feedback.decisions, to_micros(feedback.at))
        await self._files.write(owner, TIER, partial(_put, row=row))

    async def remove(self, turn_id: str, *, owner: str) -> None:
        """Forget what was said of a turn."""
        await self._files.write(owner, TIER, partial(_remove, turn_id=turn_id))

    async def all(self, *, owner: str) -> list[Feedback]:
        """Read all of it, oldest first."""
        rows = await self._files.read(owner, TIER, _all)
        return [
            Feedback(turn_id=turn_id, good=bool(good), decisions=decisions, at=from_micros(at))
            for turn_id, good, decisions, at in rows
        ]


def _put(db: sqlite3.Connection, row: Iterable[str | int]) -> None:
    db.execute(
        "INSERT OR REPLACE INTO feedback (turn_id, good, decisions, at) VALUES (?, ?, ?, ?)", tuple(row)
    )


def _remove(db: sqlite3.Connection, turn_id: str) -> None:
    db.execute("DELETE FROM feedback WHERE turn_id = ?", (turn_id,))


def _all(db: sqlite3.Connection) -> list[tuple[str, int, str, int]]:
    return db.execute("SELECT turn_id, good, decisions, at FROM feedback ORDER BY at, turn_id").fetchall()
