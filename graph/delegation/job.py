"""A job as it stands in the registry."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from graph.delegation.state import Assignment, Budget


class Status(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """By the person."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Something that a job reached."""

    name: str
    """Its own within the job."""
    code: str
    """`planned`, `step`, `review`, `again` or `summary`."""
    about: str = ""
    """Which step, or how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is known of a job."""

    id: str
    owner: str
    thread: str
    task: str
    created: datetime
    budget: Budget
    status: Status = Status.QUEUED
    stopping: bool = False
    """Somebody asked it to stop."""
    progress: Sequence[Progress] = ()
    result: str = ""
    """Of one that was stopped or failed: what it had found by then."""
    reason: str = ""
    """Why it failed."""
    calls: int = 0
    tools: int = 0
    seconds: float = 0.0
    """Of work."""
    ended: datetime | None = None
    tags: Sequence[str] = field(default=())
    """What the archive notes of it."""

    @property
    def is_open(self) -> bool:
        """Tell whether it is not at its end."""
        return self.status in {Status.QUEUED, Status.RUNNING}

    @property
    def name(self) -> str:
        """Return the beginning of the id, by which people call it."""
        return self.id[:8]

    @property
    def assignment(self) -> Assignment:
        """Return what the pipeline is given."""
        return Assignment(
            job_id=self.id,
            owner=self.owner,
            thread=self.thread,
            task=self.task,
            at=self.created,
            budget=self.budget,
        )


def to_fields(job: Job) -> dict[str, str]:
    """Return a new job as the registry stores it."""
    return {
        "owner": json.dumps(job.owner),
        "thread": job.thread,
        "task": job.task,
        "created": job.created.isoformat(),
        "budget": json.dumps(asdict(job.budget)),
        "tags": json.dumps(list(job.tags)),
        "status": job.status.value,
    }


def from_fields(job_id: str, fields: Mapping[str, str], progress: Sequence[str]) -> Job:
    """Read a job back.

    Raises:
        KeyError, ValueError, TypeError: what is stored is no job.
    """
    ended = fields.get("ended")
    return Job(
        id=job_id,
        owner=str(json.loads(fields["owner"])),
        thread=fields["thread"],
        task=fields["task"],
        created=datetime.fromisoformat(fields["created"]),
        budget=Budget(**json.loads(fields["budget"])),
        status=Status(fields["status"]),
        stopping="stop" in fields,
        progress=tuple(_progress(line) for line in progress),
        result=fields.get("result", ""),
        reason=fields.get("reason", ""),
        calls=int(fields.get("calls", 0)),
        tools=int(fields.get("tools", 0)),
        seconds=float(fields.get("seconds", 0)),
        ended=datetime.fromisoformat(ended) if ended else None,
        tags=tuple(json.loads(fields["tags"])),
    )


def _progress(line: str) -> Progress:
    stored: dict[str, Any] = json.loads(line)
    return Progress(**stored)
