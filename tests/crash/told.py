"""What the workers of a trial told, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.crash.script import LANES, TURN_ID, Lane
from tests.servers.model import ModelRequest


class NumberedReplies:
    """Answer each request with a number of its own, and note which turn it was for."""

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
    """What is wrong; empty lists are what is hoped for."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        return self.lost + self.doubled + self.other


@dataclass(slots=True)
class Told:
    """Keep count of what was told.

    Attributes:
        sent, finished: how many turns of each lane were.
        shown: the reply of each turn of which one was shown complete.
        begun: turns of which something was seen that is seen only after they are in a checkpoint.
        resumed: how many turns a start finished.
        resent: how many turns had to be sent again, as they had left no trace.
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
        """What was told so far is of earlier lives."""
        self._begun_before = set(self.begun)
        self._sent_before = {lane.turn_id(position) for lane in LANES for position in range(self.sent[lane])}

    def note(self, point: str, turn_id: str, reply: str | None) -> None:
        """Take in a report about a turn."""
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
        """Take in the complete reply of a turn, of which there must be one for ever."""
        if self.shown.setdefault(turn_id, reply) != reply:
            self.findings.doubled.append(f"{turn_id} showed {self.shown[turn_id]!r}, then {reply!r}")

    def _note_begun(self, turn_id: str, point: str) -> None:
        if turn_id in self._begun_before:
            self.findings.lost.append(f"{turn_id} was in a checkpoint, and is begun again by {point}")
        elif turn_id in self._sent_before and turn_id not in self.begun:
            self.resent += 1
        self.begun.add(turn_id)


def note_report(told: Told, report: Mapping[str, Any]) -> None:
    """Take in a report, if it is about a turn."""
    if "turn" in report:
        told.note(report["point"], report["turn"], report.get("reply"))
