"""Ratings of answers, and labels of the memories found for a message: people's verdicts, for tuning."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from memory.database import OwnerTables, from_micros, require_utf8, to_micros
from memory.episodic.log.episode_log import TIER

PUT_FEEDBACK: Final = (
    "INSERT INTO feedback (turn_id, good, decisions, at) VALUES (?, ?, ?, ?) ON CONFLICT (turn_id)"
    " DO UPDATE SET good = excluded.good, decisions = excluded.decisions, at = excluded.at"
)
PUT_LABEL: Final = (
    "INSERT INTO labels (turn_id, memory, relevant, at) VALUES (?, ?, ?, ?) ON CONFLICT (turn_id, memory)"
    " DO UPDATE SET relevant = excluded.relevant, at = excluded.at"
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
        await self._files.write(owner, TIER, lambda db: db.execute(PUT_FEEDBACK, row).rowcount)

    async def remove(self, turn_id: str, *, owner: str) -> None:
        """Delete the rating of a turn."""
        sql = "DELETE FROM feedback WHERE turn_id = ?"
        await self._files.write(owner, TIER, lambda db: db.execute(sql, (turn_id,)).rowcount)

    async def all(self, *, owner: str) -> list[Feedback]:
        """Return all feedback, oldest first."""
        sql = "SELECT turn_id, good, decisions, at FROM feedback ORDER BY at, turn_id"
        rows = await self._files.read(owner, TIER, lambda db: db.execute(sql).fetchall())
        return [
            Feedback(turn_id=turn_id, good=bool(good), decisions=decisions, at=from_micros(at))
            for turn_id, good, decisions, at in rows
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A person's verdict on a memory that was found for a turn."""

    turn_id: str
    memory: str
    """Turn id of the memory."""
    relevant: bool
    """The memory helps to answer the turn's message."""
    at: datetime


class LabelLog:
    """Labels in the owner's file; a later label of a turn and memory replaces the earlier."""

    def __init__(self, files: OwnerTables) -> None:
        self._files = files

    async def put(self, labels: Sequence[Label], *, owner: str) -> None:
        """Store all labels or none, replacing earlier ones of the same turn and memory.

        Raises:
            ValueError: an id has a lone surrogate, or a time has no zone.
        """
        rows = [
            (
                require_utf8(label.turn_id, "the turn id of a label"),
                require_utf8(label.memory, "the memory of a label"),
                int(label.relevant),
                to_micros(label.at),
            )
            for label in labels
        ]
        await self._files.write(owner, TIER, lambda db: db.executemany(PUT_LABEL, rows).rowcount)

    async def remove(self, turn_id: str, memory: str, *, owner: str) -> None:
        """Delete the label of a memory for a turn."""
        sql, pair = "DELETE FROM labels WHERE turn_id = ? AND memory = ?", (turn_id, memory)
        await self._files.write(owner, TIER, lambda db: db.execute(sql, pair).rowcount)

    async def all(self, *, owner: str) -> list[Label]:
        """Return all labels, oldest first."""
        sql = "SELECT turn_id, memory, relevant, at FROM labels ORDER BY at, turn_id, memory"
        rows = await self._files.read(owner, TIER, lambda db: db.execute(sql).fetchall())
        return [
            Label(turn_id=turn_id, memory=memory, relevant=bool(relevant), at=from_micros(at))
            for turn_id, memory, relevant, at in rows
        ]
