"""The reports of a trial's workers, and the errors in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.crash.script import LANES, TURN_ID, Lane
from tests.servers.model import ModelRequest


class NumberedReplies:
    """Answer each request with a unique number, and record its turn."""

    def __init__(self) -> None:
        self.asked: dict[str, list[int]] = {}
        self._number = 0

    def __call__(self, request: ModelRequest) -> str:
        turn_id = [match.group() for match in TURN_ID.finditer(request.last)][-1]
        self._number += 1
        self.asked.setdefault(turn_id, []).append(self._number)
        return f"Noted as number {self._number} of all."


@dataclass(slots=True)
class Findings:
    """Errors; all lists should be empty."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        return self.lost + self.doubled + self.other


@dataclass(slots=True)
class Told:
    """Collects the reports.

    Attributes:
        sent, finished: number of turns of each lane.
        shown: the completely shown replies, by turn.
        begun: turns that showed something which only appears once they are in a checkpoint.
        resumed: number of turns that a start finished.
        resent: number of turns that were sent again because they had left no trace.
    """

    findings: Findings = field(default_factory=Findings)
    sent: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(LANES, 0))
    finished: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(LANES, 0))
    shown: dict[str, str] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    resumed: int = 0
    resent: int = 0
    _begun_before: set[str] = field(default_factory=set)
    _sent_before: set[str] = field(default_factory=set)

    def new_life(self) -> None:
        """Mark all reports so far as those of earlier lives."""
        self._begun_before = set(self.begun)
        self._sent_before = {lane.turn_id(position) for lane in LANES for position in range(self.sent[lane])}

    def note(self, point: str, turn_id: str, reply: str | None) -> None:
        """Add a report about a turn."""
        lane, position = Lane.of(turn_id)
        match point:
            case "sent":
                self.sent[lane] = max(self.sent[lane], position + 1)
            case "finished":
                self.finished[lane] = max(self.finished[lane], position + 1)
            case "resumed":
                self.resumed += 1
            case "piece" | "gap_filter":
                self._note_begun(turn_id, point)
        if reply is not None:
            self.note_reply(turn_id, reply)

    def note_reply(self, turn_id: str, reply: str) -> None:
        """Add the complete reply of a turn, which must never change."""
        if self.shown.setdefault(turn_id, reply) != reply:
            self.findings.doubled.append(f"{turn_id} showed {self.shown[turn_id]!r}, then {reply!r}")

    def _note_begun(self, turn_id: str, point: str) -> None:
        if turn_id in self._begun_before:
            self.findings.lost.append(f"{turn_id} was in a checkpoint, and is begun again by {point}")
        elif turn_id in self._sent_before and turn_id not in self.begun:
            self.resent += 1
        self.begun.add(turn_id)


def note_report(told: Told, report: Mapping[str, Any]) -> None:
    """Add a report, if it is about a turn."""
    if "turn" in report:
        told.note(report["point"], report["turn"], report.get("reply"))
