"""Records of turns: numbers and names, never text that people wrote."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from pydantic import TypeAdapter

from memory.database import to_micros
from memory.models import Decision, Evidence, Mechanism, Outcome, SearchReport, Seen
from memory.prompt.window import Space

DIGITS = 4
"""Decimals of scores and probabilities; milliseconds have one."""
_MARK = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How the budget of a turn was shared between the layers, in tokens."""

    confidence: float = 0.0
    complexity: float = 0.0
    total: int = 0
    fixed: int = 0
    """Identity and facts."""
    l2_limit: int = 0
    l2_used: int = 0
    l3_limit: int = 0
    l3_used: int = 0
    space: Space | None = None
    """How the model's context window is shared; None when it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Decision):
    """The last decision on a candidate, with its evidence; a kept one was shown to the model."""

    mechanism: Mechanism
    rank: int
    evidence: Evidence
    small_talk: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    name: str
    ok: bool
    milliseconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedGrounding:
    """The result of checking the reply's figures."""

    unsupported: int = 0
    corrected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A turn in numbers. Private turns are never observed."""

    turn_id: str
    owner: str
    """Only in the owner's own file; elsewhere `owner_digest` replaces it."""
    thread: str
    at: datetime
    outcome: Outcome
    shares: Shares = field(default_factory=Shares)
    stages: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds by node, summed over repeated runs."""
    milliseconds: float = 0.0
    """Of the whole turn, without waiting for people."""
    searches: Mapping[str, SearchReport] = field(default_factory=dict)
    """By mechanism."""
    keys_meant: bool = False
    time_meant: bool = False
    expanded: bool = False
    """The message needed context and was searched with earlier ones."""
    candidates: int = 0
    relevant: int = 0
    """Candidates that the gap filter kept."""
    used: int = 0
    """Relevant candidates that were shown to the model."""
    decisions: Sequence[Judged] = ()
    """Best first."""
    tiers_down: Sequence[str] = ()
    model: str = ""
    model_seconds: float = 0.0
    calls: Sequence[RecordedCall] = ()
    rounds: int = 0
    """Of tools."""
    grounding: RecordedGrounding = field(default_factory=RecordedGrounding)
    thresholds: Mapping[str, int | float | str] = field(default_factory=dict)
    """Values in force."""
    asked_at: datetime | None = None
    """Time of the search, by this machine's clock; `at` is when the message was sent."""
    seen: Seen | None = None
    """How much of the archive was searched; None when it was empty, or nothing came in time."""
    model_of_vectors: str = ""
    """Embedding model of the evidence; empty without vectors."""
    facts: Sequence[str] | None = None
    """Digests of the facts in the prompt, in order (`mark_of_fact`). None in older records."""
    last_turn: str = ""
    """Latest turn of the conversation in the prompt; empty without one."""
    opening: str = ""
    """First turn of the thread, when the prompt held it in addition to the latest ones."""
    zone: str = ""
    """Time zone of the user. Empty in older records: the current one is used."""

    @property
    def shown(self) -> list[str]:
        """Turn ids of the memories shown, best first."""
        return [judged.turn_id for judged in self.decisions if judged.kept]

    def to_json(self) -> str:
        return _OBSERVATION.dump_json(self).decode()

    def without(self, *names: str) -> dict[str, Any]:
        """Return JSON values without the named fields."""
        values: dict[str, Any] = _OBSERVATION.dump_python(self, mode="json", exclude=set(names))
        return values

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Parse the result of `to_json`; fields missing in older records get their defaults.

        Raises:
            ValueError: it is no observation.
        """
        return _OBSERVATION.validate_json(text)  # type: ignore[return-value]


def mark_of_fact(key: str, value: str, at: datetime) -> str:
    """Return a digest that identifies a version of a fact and reveals nothing of it."""
    written = "\0".join((key, str(to_micros(at)), value))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]


_OBSERVATION = TypeAdapter(Observation)
