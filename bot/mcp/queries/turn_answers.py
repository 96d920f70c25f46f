"""What the tools over turns and threads answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ConfigDict

from bot.mcp.read_tool import Answer, Quoting
from memory.models import SearchReport
from memory.observation.observation import Judged, RecordedCall, RecordedGrounding, Shares


class TurnRead(Quoting):
    """A turn as it stands in the archive."""

    turn_id: str
    thread: str
    at: datetime
    message: str
    reply: str
    cut: bool
    """Message or reply were too long, and are shown without their middle."""
    tags: list[str]
    times_shown: int
    """How often it was recalled for the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosed(Judged):
    """What became of a candidate, and why; a kept one was shown to the model."""

    __pydantic_config__ = ConfigDict(use_attribute_docstrings=True)

    excerpt: str
    """How the turn begins; empty when it is in the archive no more."""
    means: str
    """The rule in words."""
    measured: str
    """What was held against what; empty when the rule measures nothing."""


class Diagnosis(Quoting):
    """What was found, kept and cut for a turn, by which rule, and what it cost."""

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
    """The message needed context and was searched with earlier ones."""
    candidates: int
    relevant: int
    used: int
    decisions: list[Diagnosed]
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
    """Values in force."""


class ThreadRead(Answer):
    """A thread of the owner."""

    thread: str
    turns: int
    """Of the latest turns that were looked at."""
    latest: datetime
    latest_turn_id: str
    latest_message: str
    """How it begins."""


class Threads(Quoting):
    """Threads, the latest first."""

    threads: list[ThreadRead]
    all_threads: int
    """How many the owner has; those without a turn among the latest that were looked at are not listed."""
    looked_at: int
    """How many turns were looked at, the latest."""


class StateRead(Quoting):
    """The latest state of a thread."""

    thread: str
    at: str
    """When it was written."""
    next: list[str]
    """Nodes of the turn that are still to run; empty when it is done."""
    state: Mapping[str, Any]
    """By the state's keys, as Studio shows it; long texts and lists are cut."""
