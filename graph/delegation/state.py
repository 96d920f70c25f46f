"""The state of a job's graph: plain values, stored in its checkpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, NotRequired

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from typing_extensions import TypedDict

from graph.checkpoint.serde import FORMER_STATE
from graph.exchange import Call, Exchange, Round, ToolResult
from graph.state.reducers import merge_results
from graph.state.turn_state import Turn

RESEARCHER, CODER = "researcher", "coder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The limits of a job, fixed when it is given."""

    calls: int
    """Model calls."""
    tools: int
    """Tool calls."""
    seconds: float
    """Working time; time in which no process worked on it does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    job_id: str
    owner: str
    thread: str
    task: str
    at: datetime
    budget: Budget

    @property
    def turn_id(self) -> str:
        return job_turn_id(self.job_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    id: str
    """Its number, from 1."""
    role: str
    title: str
    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    step: str
    text: str
    problem: str = ""
    """Why it is incomplete; empty otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    calls: int = 0
    tools: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    calls: int
    tools: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    critique: str = ""
    again: Mapping[str, str] = field(default_factory=dict)
    """The steps to repeat, by id, each with its complaint."""


def job_turn_id(job_id: str) -> str:
    """Return a job's turn id, which is also its checkpoint thread."""
    return f"job-{job_id}"


def is_job(thread: str) -> bool:
    return thread.startswith("job-")


def merge_findings(left: Mapping[str, Finding], right: Mapping[str, Finding]) -> dict[str, Finding]:
    return {**left, **right}


def add_spent(left: Spent, right: Spent) -> Spent:
    return Spent(calls=left.calls + right.calls, tools=left.tools + right.tools)


class JobInput(TypedDict):
    assignment: Assignment


class JobState(JobInput):
    steps: NotRequired[Sequence[Step]]
    """Written by `plan`."""
    findings: NotRequired[Annotated[dict[str, Finding], merge_findings]]
    """By step. Written by `work`, one step at a time."""
    review: NotRequired[Review]
    """Written by `review`."""
    result: NotRequired[str]
    """Written by `summarise`."""
    spent: NotRequired[Annotated[Spent, add_spent]]
    """Every node adds its calls."""


class PlanUpdate(TypedDict, total=False):
    steps: Sequence[Step]
    spent: Spent


class ReviewUpdate(TypedDict, total=False):
    review: Review
    spent: Spent


class ResultUpdate(TypedDict):
    result: str
    spent: Spent


class WorkInput(TypedDict):
    assignment: Assignment
    step: Step
    share: Share
    turn: Turn
    """Used as the turn of tool calls, which decides their owner."""
    complaint: str
    """The critic's complaint; empty in the first run."""
    earlier: str
    """The text of the step's former finding."""


class WorkOutput(TypedDict):
    findings: Annotated[dict[str, Finding], merge_findings]
    spent: Annotated[Spent, add_spent]


class WorkState(WorkInput, WorkOutput):
    exchange: NotRequired[Exchange]
    """Written by `ask`."""
    results: NotRequired[Annotated[Sequence[ToolResult], merge_results]]
    """Written by `tools`, one call at a time."""


class AskUpdate(TypedDict, total=False):
    """Either the next tool calls or the finding."""

    exchange: Exchange
    findings: dict[str, Finding]
    spent: Spent


_STORED = (Assignment, Budget, Step, Finding, Spent, Share, Review, Turn, Call, Round, Exchange, ToolResult)


def job_serde() -> JsonPlusSerializer:
    """Return a serializer that accepts only the types of a job and LangGraph's own."""
    stored = [(kind.__module__, kind.__name__) for kind in _STORED]
    return JsonPlusSerializer(allowed_msgpack_modules=[*stored, (FORMER_STATE, Turn.__name__)])
