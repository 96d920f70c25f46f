"""How a checkpoint came about: by a thread going on, or by going back to a past one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

MOST_STEPS = 64
"""A turn has fewer checkpoints than this."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is known of a checkpoint beside its values."""

    parent: str | None
    source: str
    """`input`, `loop`, `update` or `fork`, as LangGraph names it."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Branch:
    """Where the turn of a checkpoint stands in its thread."""

    fork: bool = False
    """It was gone back for, or its state was changed by hand."""
    began: datetime | None = None
    """When its message came in; None when that is not kept any more."""
    before: str | None = None
    """The checkpoint that its message was added to."""


class Lineage(Protocol):
    """Knows the checkpoints of a thread."""

    async def branch(self, thread: str, checkpoint_id: str) -> Branch:
        """Return the branch of the turn that runs on a checkpoint."""
        ...

    async def branch_before(self, thread: str, checkpoint_id: str) -> Branch:
        """Return the branch of the turn before the one that runs on a checkpoint."""
        ...


def running_branch(steps: Mapping[str, Step], checkpoint_id: str) -> Branch:
    """Return the branch of a turn that goes on from a checkpoint, given those of its thread by id.

    Ids grow with time. What has gone on already from the checkpoint, or from one before it, makes this a
    fork; a run that only goes on where the thread stands is none, also when it names that checkpoint.
    """
    return _branch(steps, checkpoint_id, fork=checkpoint_id in {step.parent for step in steps.values()})


def branch_before(steps: Mapping[str, Step], checkpoint_id: str) -> Branch:
    """Return the branch of the turn before the one that `checkpoint_id` is of."""
    before = _branch(steps, checkpoint_id).before
    return _branch(steps, before) if before else Branch()


def _branch(steps: Mapping[str, Step], checkpoint_id: str, *, fork: bool = False) -> Branch:
    """Walk back to the turn's message; what is not kept any more makes no fork of it."""
    first = _first_children(steps)
    for _ in range(MOST_STEPS):
        step = steps.get(checkpoint_id)
        if step is None:
            break
        fork = fork or _leaves_the_thread(step, checkpoint_id, steps, first)
        if step.source == "input":
            return Branch(fork, step.at, step.parent)
        if step.parent is None:
            break
        checkpoint_id = step.parent
    return Branch(fork)


def _leaves_the_thread(
    step: Step, checkpoint_id: str, steps: Mapping[str, Step], first: Mapping[str, str]
) -> bool:
    if step.source == "update" or (step.source == "fork" and step.parent not in steps):
        return True
    return step.parent is not None and first[step.parent] != checkpoint_id


def _first_children(steps: Mapping[str, Step]) -> dict[str, str]:
    first: dict[str, str] = {}
    for checkpoint_id in sorted(steps):
        if parent := steps[checkpoint_id].parent:
            first.setdefault(parent, checkpoint_id)
    return first
