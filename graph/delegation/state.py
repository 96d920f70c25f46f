"""What flows between the roles of a job: values only, as they stand in its checkpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, NotRequired

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from typing_extensions import TypedDict

from graph.exchange import Call, Exchange, Round, ToolResult, merge_results
from graph.state.turn_state import Turn

RESEARCHER, CODER = "researcher", "coder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a job may spend, as it was when the job was given."""

    calls: int
    """Of the model."""
    tools: int
    """Calls of tools."""
    seconds: float
    """Of work; the time in which no process worked on it does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What is to be done, and for whom."""

    job_id: str
    owner: str
    thread: str
    task: str
    at: datetime
    budget: Budget

    @property
    def turn_id(self) -> str:
        """Name the job in archive and conversation."""
        return job_turn_id(self.job_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One part of the plan."""

    id: str
    """Its number, from 1."""
    role: str
    title: str
    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of a step."""

    step: str
    text: str
    problem: str = ""
    """Why it is not whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was spent of the budget."""

    calls: int = 0
    tools: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one step may spend."""

    calls: int
    tools: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What the critic says."""

    critique: str = ""
    again: Mapping[str, str] = field(default_factory=dict)
    """The steps to be done once more, each with what is wrong."""


def job_turn_id(job_id: str) -> str:
    """Return what stands for a turn's id where a job is written down; its thread of checkpoints, too."""
    return f"job-{job_id}"


def is_job(thread: str) -> bool:
    """Say whether a thread of checkpoints is a job's."""
    return thread.startswith("job-")


def merged(left: Mapping[str, Finding], right: Mapping[str, Finding]) -> dict[str, Finding]:
    """Add findings; a step that is done once more replaces its former one."""
    return {**left, **right}


def added(left: Spent, right: Spent) -> Spent:
    """Add up what was spent."""
    return Spent(calls=left.calls + right.calls, tools=left.tools + right.tools)


class JobInput(TypedDict):
    """What a job begins with."""

    assignment: Assignment


class JobState(JobInput):
    """A job, as far as it has come."""

    steps: NotRequired[Sequence[Step]]
    """Written by `plan`."""
    findings: NotRequired[Annotated[dict[str, Finding], merged]]
    """By step. Written by `work`, each step its own."""
    review: NotRequired[Review]
    """Written by `review`."""
    result: NotRequired[str]
    """Written by `summarise`."""
    spent: NotRequired[Annotated[Spent, added]]
    """Every node adds what it spent."""


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
    """What one step is worked on with."""

    assignment: Assignment
    step: Step
    share: Share
    turn: Turn
    """Stands in for a turn: on whose behalf tools run."""
    complaint: str
    """What the critic wants to be better; empty at first."""
    earlier: str
    """What the step gave before."""


class WorkOutput(TypedDict):
    findings: Annotated[dict[str, Finding], merged]
    spent: Annotated[Spent, added]


class WorkState(WorkInput, WorkOutput):
    """A step, as far as it has come."""

    exchange: NotRequired[Exchange]
    """Written by `ask`."""
    results: NotRequired[Annotated[Sequence[ToolResult], merge_results]]
    """Written by `tools`, one call at a time."""


class AskUpdate(TypedDict, total=False):
    """Either what tools are to be called, or the finding."""

    exchange: Exchange
    findings: dict[str, Finding]
    spent: Spent


_STORED = (Assignment, Budget, Step, Finding, Spent, Share, Review, Turn, Call, Round, Exchange, ToolResult)


def job_serde() -> JsonPlusSerializer:
    """Return a serializer that reads back the types of a job, and refuses others than LangGraph's."""
    return JsonPlusSerializer(allowed_msgpack_modules=[(kind.__module__, kind.__name__) for kind in _STORED])
