"""How often a change was tried on the same held-out turns: by chance, one of twenty is found better.

Former attempts are kept beside the former versions of `goat.toml`. The more there are, the surer the next one
has to be (`memory.tuning.gain_bound.asked`). Turns added to a conversation do not make it a new one.
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
"""So many conversations of a try are kept, those with the least digests: enough to tell what two share."""
_DIGITS = 12
_ORDINALS = {1: "st", 2: "nd", 3: "rd"}


class Try(BaseModel):
    """A change that was held against held-out turns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    scores: Sha256
    """What it changed, turn by turn: another change has another digest, the same result has the same one."""
    conversations: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")], ...] = Field(
        min_length=1, max_length=SKETCH
    )
    """Digests of their names, in order."""

    @classmethod
    def of(cls, held_out: Sequence[HeldOut]) -> Self:
        """Return what is kept of a try on these turns, of which there must be some."""
        names = sorted(data_digest(group)[:_DIGITS] for group in {turn.group for turn in held_out})
        changes = sorted((turn.group, turn.after - turn.before) for turn in held_out)
        return cls(at=datetime.now(UTC), scores=data_digest(changes), conversations=tuple(names[:SKETCH]))

    def shares(self, other: Self) -> bool:
        """Say whether half of the conversations of the one with fewer are in both."""
        both = (self.conversations, other.conversations)
        edges = [some[-1] for some in both if len(some) == SKETCH]
        one, two = ({name for name in some if not edges or name <= min(edges)} for some in both)
        return 2 * len(one & two) >= min(len(one), len(two)) > 0


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True)
class Tries:
    """The latest tries, in the folder of the former versions; to add one, hold the lock there."""

    folder: Path

    @property
    def path(self) -> Path:
        """Where they are; no file: none was made."""
        return self.folder / "tries.json"

    def all(self) -> tuple[Try, ...]:
        """Return them, oldest first.

        Raises:
            ConfigError: what is there cannot be read.
        """
        with explain_os_errors(self.path):
            try:
                return _Record.model_validate_json(self.path.read_bytes()).tries
            except FileNotFoundError:
                return ()
            except ValidationError:
                raise ConfigError(
                    f"{self.path} is damaged: how often changes were tried on the same held-out turns cannot "
                    "be told. Delete it to count anew; former versions and `goat tune rollback` need it not."
                ) from None

    def number(self, one: Try) -> int:
        """Return which try on its turns this is, from 1 on; one that was made before keeps its number.

        Raises:
            ConfigError: as for `all`.
        """
        return _number(one, self.all())

    def add(self, one: Try) -> None:
        """Keep a try, once.

        Raises:
            ConfigError: as for `all`, or the folder cannot be written.
        """
        there = self.all()
        if any(other.scores == one.scores for other in there):
            return
        record = _Record(tries=(*there, one)[-KEPT:])
        with explain_os_errors(self.path):
            replace_file(self.path, record.model_dump_json(indent=1).encode())


def _number(one: Try, there: Sequence[Try]) -> int:
    scores = [other.scores for other in there]
    before = there[: scores.index(one.scores)] if one.scores in scores else there
    return 1 + sum(one.shares(other) for other in before)


def ordinal(number: int) -> str:
    """Write a number as 1st, 2nd, 3rd, 4th."""
    ending = "th" if number % 100 in (11, 12, 13) else _ORDINALS.get(number % 10, "th")
    return f"{number}{ending}"


def percent(share: float) -> str:
    """Write a confidence such as 98.75 %."""
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %"
