"""Attempts to improve the thresholds on the same held-out turns: by chance, one in twenty looks better.

They are stored with the former versions of `goat.toml`. Each further attempt needs a higher confidence
(`memory.tuning.gain_bound.required_confidence`). A conversation with new turns counts as the same one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from graph.settings.atomic_file import explain_os_errors, replace_file
from memory.errors import ConfigError
from memory.recall.relevance import data_digest
from memory.tuning.held_out import HeldOut
from memory.tuning.tuning_result import Sha256

KEPT = 200
SKETCH = 64
"""Conversations stored per attempt: those with the smallest digests, to estimate the overlap of two."""
_DIGITS = 12
_ORDINALS = {1: "st", 2: "nd", 3: "rd"}


class Attempt(BaseModel):
    """A change that was measured on held-out turns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    scores: Sha256
    """Digest of the score differences turn by turn, the same for the same result."""
    conversations: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")], ...] = Field(
        min_length=1, max_length=SKETCH
    )
    """Sorted digests of the conversations' names."""

    @classmethod
    def of(cls, held_out: Sequence[HeldOut]) -> Self:
        """Return the attempt on these turns, which must not be empty."""
        names = sorted(data_digest(group)[:_DIGITS] for group in {turn.group for turn in held_out})
        changes = sorted((turn.group, turn.after - turn.before) for turn in held_out)
        return cls(at=datetime.now(UTC), scores=data_digest(changes), conversations=tuple(names[:SKETCH]))

    def shares(self, other: Self) -> bool:
        """Say whether both have at least half of the smaller one's conversations."""
        both = (self.conversations, other.conversations)
        edges = [some[-1] for some in both if len(some) == SKETCH]
        one, two = ({name for name in some if not edges or name <= min(edges)} for some in both)
        return 2 * len(one & two) >= min(len(one), len(two)) > 0


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tries: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class AttemptLog:
    """The file of the latest attempts, in the folder of former versions; hold that folder's lock to add."""

    folder: Path

    @property
    def path(self) -> Path:
        """The file; missing without attempts."""
        return self.folder / "tries.json"

    def all(self) -> tuple[Attempt, ...]:
        """Return the attempts, oldest first.

        Raises:
            ConfigError: the file cannot be read.
        """
        with explain_os_errors(self.path):
            try:
                return _Record.model_validate_json(self.path.read_bytes()).tries
            except FileNotFoundError:
                return ()
            except ValidationError:
                raise ConfigError(
                    f"{self.path} is damaged: earlier attempts on the same held-out turns cannot be counted. "
                    "Delete it to count again; former versions and `goat tune rollback` do not need it."
                ) from None

    def number(self, one: Attempt) -> int:
        """Return the attempt's number on its turns, from 1; a repeated attempt keeps its number.

        Raises:
            ConfigError: as for `all`.
        """
        return _number(one, self.all())

    def add(self, one: Attempt) -> None:
        """Store an attempt unless it is stored already.

        Raises:
            ConfigError: as for `all`, or the folder cannot be written.
        """
        stored = self.all()
        if any(other.scores == one.scores for other in stored):
            return
        record = _Record(tries=(*stored, one)[-KEPT:])
        with explain_os_errors(self.path):
            replace_file(self.path, record.model_dump_json(indent=1).encode())


def _number(one: Attempt, stored: Sequence[Attempt]) -> int:
    scores = [other.scores for other in stored]
    before = stored[: scores.index(one.scores)] if one.scores in scores else stored
    return 1 + sum(one.shares(other) for other in before)


def ordinal(number: int) -> str:
    """Write a number as 1st, 2nd, 3rd, 4th."""
    ending = "th" if number % 100 in (11, 12, 13) else _ORDINALS.get(number % 10, "th")
    return f"{number}{ending}"


def percent(share: float) -> str:
    """Write a confidence such as 98.75 %."""
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %"
