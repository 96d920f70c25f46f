"""A job with its status and progress, as the registry stores it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from graph.delegation.state import Assignment, Budget


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """The person stopped it."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """A milestone of a job."""

    name: str
    """Unique within the job."""
    code: str
    """`planned`, `step`, `review`, `again` or `summary`."""
    about: str = ""
    """The step's title, or the number of steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Assignment):
    """An assignment with its status and progress."""

    status: Status = Status.QUEUED
    stopping: bool = False
    """A stop was requested."""
    progress: Sequence[Milestone] = ()
    result: str = ""
    """Partial if the job was stopped or failed."""
    reason: str = ""
    """Why it failed."""
    calls: int = 0
    tools: int = 0
    seconds: float = 0.0
    """Working time."""
    ended: datetime | None = None
    tags: Sequence[str] = field(default=())
    """Extra tags of its episode."""

    @property
    def is_open(self) -> bool:
        return self.status in {Status.QUEUED, Status.RUNNING}

    @property
    def name(self) -> str:
        """Return the short id for people."""
        return self.job_id[:8]

    @property
    def assignment(self) -> Assignment:
        """Return the part that the job's graph stores."""
        return Assignment(**{field.name: getattr(self, field.name) for field in fields(Assignment)})


def to_fields(job: Job) -> dict[str, str]:
    return {
        "owner": json.dumps(job.owner),
        "thread": job.thread,
        "task": job.task,
        "created": job.at.isoformat(),
        "budget": json.dumps(asdict(job.budget)),
        "tags": json.dumps(list(job.tags)),
        "status": job.status.value,
    }


def from_fields(job_id: str, fields: Mapping[str, str], progress: Sequence[str]) -> Job:
    """Read a stored job.

    Raises:
        KeyError, ValueError, TypeError: the stored values are not a job.
    """
    ended = fields.get("ended")
    return Job(
        job_id=job_id,
        owner=str(json.loads(fields["owner"])),
        thread=fields["thread"],
        task=fields["task"],
        at=datetime.fromisoformat(fields["created"]),
        budget=Budget(**json.loads(fields["budget"])),
        status=Status(fields["status"]),
        stopping="stop" in fields,
        progress=tuple(Milestone(**json.loads(line)) for line in progress),
        result=fields.get("result", ""),
        reason=fields.get("reason", ""),
        calls=int(fields.get("calls", 0)),
        tools=int(fields.get("tools", 0)),
        seconds=float(fields.get("seconds", 0)),
        ended=datetime.fromisoformat(ended) if ended else None,
        tags=tuple(json.loads(fields["tags"])),
    )


def progress_of(update: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Milestone]:
    """Yield the milestones in an update of the job's graph; a repeated one has the same name."""
    for node, written in update.items():
        match node:
            case "plan":
                yield Milestone(name="planned", code="planned", about=str(len(written["steps"])))
            case "work":
                titles = {step.id: step.title for step in values.get("steps", ())}
                repeated = "+" if "review" in values else ""
                for step in written["findings"]:
                    name = f"step:{step}{repeated}"
                    yield Milestone(name=name, code="step", about=titles.get(step, step))
            case "review" if again := written["review"].again:
                yield Milestone(name="again", code="again", about=str(len(again)))
            case "review":
                yield Milestone(name="summary", code="summary")
