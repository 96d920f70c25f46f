"""What is kept of a turn beside its words: figures, names of parts, and never a text that people wrote."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from pydantic import TypeAdapter

from memory.models import Decision, Evidence, Mechanism, Outcome, SearchReport, SearchStatus, Seen
from memory.prompt.window import Space
from memory.text.columns import to_micros

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
class Called:
    """A tool that was called."""

    name: str
    ok: bool
    milliseconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounded:
    """Whether the reply's figures stand in what the model was shown."""

    unsupported: int = 0
    corrected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One turn in numbers. Private turns are never observed."""

    turn_id: str
    owner: str
    """In the owner's own file; elsewhere `owner_digest` stands for it."""
    thread: str
    at: datetime
    outcome: Outcome
    shares: Shares = field(default_factory=Shares)
    stages: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds by node; of one that ran several times, their sum."""
    milliseconds: float = 0.0
    """Of the whole turn, without waiting for people."""
    searches: Mapping[str, SearchReport] = field(default_factory=dict)
    """By mechanism."""
    keys_meant: bool = False
    time_meant: bool = False
    expanded: bool = False
    """The message alone meant nothing: what came before was searched for with it."""
    candidates: int = 0
    relevant: int = 0
    """Candidates that the gap filter kept."""
    used: int = 0
    """Of those, the ones that the model was shown."""
    decisions: Sequence[Judged] = ()
    """Best first."""
    tiers_down: Sequence[str] = ()
    model: str = ""
    model_seconds: float = 0.0
    calls: Sequence[Called] = ()
    rounds: int = 0
    """Of tools."""
    grounding: Grounded = field(default_factory=Grounded)
    thresholds: Mapping[str, int | float | str] = field(default_factory=dict)
    """Those that were in force."""
    asked_at: datetime | None = None
    """When the memory was asked, by this machine's clock; `at` is when the message was sent."""
    seen: Seen | None = None
    """How much of the archive was searched; None when it was empty, or nothing came in time."""
    model_of_vectors: str = ""
    """The embedding model that the evidence comes from; empty without vectors."""
    facts: Sequence[str] | None = None
    """Marks of the facts that the turn was given, in order (`mark_of_fact`). None: not noted then."""
    last_turn: str = ""
    """The latest turn of the conversation that it was given; empty when there was none."""
    opening: str = ""
    """The turn that the thread began with, when it was given beside the latest ones."""
    zone: str = ""
    """The time zone of its user. Empty: not noted then; today's stands for it."""

    @property
    def cache_hit(self) -> bool:
        """Whether the search was spared."""
        return any(search.status == SearchStatus.CACHED for search in self.searches.values())

    def to_json(self) -> str:
        """Write it as one JSON object."""
        return _OBSERVATION.dump_json(self).decode()

    def without(self, *names: str) -> dict[str, Any]:
        """Return plain JSON values, some fields left out."""
        values: dict[str, Any] = _OBSERVATION.dump_python(self, mode="json", exclude=set(names))
        return values

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote; what an older version did not write has its default.

        Raises:
            ValueError: it is no observation.
        """
        return _OBSERVATION.validate_json(text)  # type: ignore[return-value]


def mark_of_fact(key: str, value: str, at: datetime) -> str:
    """Return what tells one writing of a fact from any other, and says nothing of it."""
    written = "\0".join((key, str(to_micros(at)), value))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]


_OBSERVATION = TypeAdapter(Observation)
