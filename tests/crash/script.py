"""The turns of a crash test, each derived from its position, so that it can be sent again."""

import hashlib
import re
from dataclasses import dataclass

from graph.state.circumstances import thread_id

TURN_ID = re.compile(r"turn_(\w+?)_(\d)_(\d+)")


@dataclass(frozen=True, slots=True)
class Lane:
    """One thread of an owner, with turns in order; lanes run concurrently."""

    owner: str
    number: int

    @classmethod
    def of(cls, turn_id: str) -> "tuple[Lane, int]":
        """Return the lane and the position of a turn."""
        match = TURN_ID.fullmatch(turn_id)
        assert match, turn_id
        return cls(match[1], int(match[2])), int(match[3])

    @property
    def thread(self) -> str:
        return thread_id("crash", self.owner, str(self.number))

    def turn_id(self, position: int) -> str:
        return f"turn_{self.owner}_{self.number}_{position}"

    def message(self, position: int) -> str:
        """Return words that no other turn has, ending with the turn's id."""
        turn_id = self.turn_id(position)
        digest = hashlib.sha256(turn_id.encode()).hexdigest()
        words = " ".join(digest[start : start + 5] for start in range(0, 40, 5))
        return f"Please note {words} for {turn_id}"


LANES = (Lane("ana", 1), Lane("ana", 2), Lane("bob", 1))
