"""Attempts to improve the thresholds on the same held-out turns: by chance, one in twenty looks better.

They are stored next to the backup of `goat.toml`. Each further attempt needs a higher confidence
(`memory.tuning.gain_bound.required_confidence`). A conversation with new turns counts as the same one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graph.settings.settings_files import explain_os_errors, replace_file
from memory.errors import ConfigError
from memory.recall.relevance import data_digest
from memory.tuning.held_out import HeldOut
from memory.tuning.tuning_result import Sha256

KEPT = 200
_DIGITS = 12


class Attempt(BaseModel):
    """A change that was measured on held-out turns."""

    model_config = ConfigDict(frozen=True)

    scores: Sha256
    """Digest of the score differences turn by turn, the same for the same result."""
    conversations: frozenset[str] = Field(min_length=1)
    """Digests of the conversations' names."""

    @classmethod
    def of(cls, held_out: Sequence[HeldOut]) -> Self:
        """Return the attempt on these turns, which must not be empty."""
        names = frozenset(data_digest(group)[:_DIGITS] for group in {turn.group for turn in held_out})
        changes = sorted((turn.group, turn.after - turn.before) for turn in held_out)
        return cls(scores=data_digest(changes), conversations=names)

    def shares(self, other: Self) -> bool:
        """Return True when both have at least half of the smaller one's conversations."""
        smaller = min(len(self.conversations), len(other.conversations))
        return 2 * len(self.conversations & other.conversations) >= smaller


class AttemptLog(BaseModel):
    """The latest attempts, oldest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tries: tuple[Attempt, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the attempts stored in a folder.

        Raises:
            ConfigError: they cannot be read.
        """
        path = _path(folder)
        with explain_os_errors(path):
            try:
                return cls.model_validate_json(path.read_bytes())
            except FileNotFoundError:
                return cls()
            except ValidationError:
                raise ConfigError(
                    f"{path} is damaged: earlier attempts on the same held-out turns cannot be counted. "
                    "Delete it to count again; `goat tune rollback` does not need it."
                ) from None

    def number(self, one: Attempt) -> int:
        """Return the attempt's number on its turns, from 1; a repeated attempt keeps its number."""
        scores = [other.scores for other in self.tries]
        before = self.tries[: scores.index(one.scores)] if one.scores in scores else self.tries
        return 1 + sum(one.shares(other) for other in before)

    def add(self, one: Attempt, folder: Path) -> None:
        """Store the attempts with one more, unless it is among them; hold the lock of the backup.

        Raises:
            ConfigError: the folder cannot be written.
        """
        if any(other.scores == one.scores for other in self.tries):
            return
        with explain_os_errors(_path(folder)):
            latest = AttemptLog(tries=(*self.tries, one)[-KEPT:])
            replace_file(_path(folder), latest.model_dump_json().encode())


def _path(folder: Path) -> Path:
    return folder / "tries.json"


def percent(share: float) -> str:
    """Write a confidence such as 98.75 %."""
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %"
