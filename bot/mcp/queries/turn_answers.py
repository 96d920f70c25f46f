"""Answers of the tools over turns and threads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ConfigDict

from bot.mcp.read_tool import Answer, QuotingAnswer
from memory.models import SearchReport
from memory.observation.observation import Judged, RecordedCall, RecordedGrounding, Shares


class TurnRead(QuotingAnswer):
    """An archived turn."""

    turn_id: str
    thread: str
    at: datetime
    message: str
    reply: str
    cut: bool
    """Message or reply is too long, and its middle is left out."""
    tags: list[str]
    times_shown: int
    """How often the model was shown it as a memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosedDecision(Judged):
    """The decision on a candidate, and its reason; a kept one was shown to the model."""

    __pydantic_config__ = ConfigDict(use_attribute_docstrings=True)

    excerpt: str
    """The turn's beginning; empty when it is no longer archived."""
    means: str
    """The rule in words."""
    measured: str
    """The measured value and its threshold; empty when the rule measures nothing."""


class Diagnosis(QuotingAnswer):
    """The candidates of a turn, which were kept or cut by which rule, and the costs."""

    turn_id: str
    thread: str
    at: datetime
    outcome: str
    milliseconds: float
    stages: Mapping[str, float]
    """Milliseconds by node."""
    searches: Mapping[str, SearchReport]
    """By mechanism."""
    keys_meant: bool
    time_meant: bool
    expanded: bool
    """The message alone had no topic: it was searched together with the conversation before it."""
    candidates: int
    relevant: int
    used: int
    decisions: list[DiagnosedDecision]
    """Kept ones first."""
    budget: Shares
    """In tokens."""
    tiers_down: list[str]
    model: str
    model_seconds: float
    tools: list[RecordedCall]
    tool_rounds: int
    grounding: RecordedGrounding
    thresholds: Mapping[str, int | float | str]
    """Those in force in that turn."""


class ThreadRead(Answer):
    """A thread of the owner."""

    thread: str
    turns: int
    """Number of its turns among the latest ones that were read."""
    latest: datetime
    latest_turn_id: str
    latest_message: str
    """Its beginning."""


class Threads(QuotingAnswer):
    """Threads, the latest first."""

    threads: list[ThreadRead]
    all_threads: int
    """Number of the owner's threads; only those with a turn among the latest that were read are listed."""
    looked_at: int
    """Number of latest turns that were read."""


class StateRead(QuotingAnswer):
    """The latest state of a thread."""

    thread: str
    at: str
    """Time of its checkpoint."""
    next: list[str]
    """Pending nodes of the turn; empty when it is done."""
    state: Mapping[str, Any]
    """The state's keys, as in Studio; long texts and lists are cut."""
