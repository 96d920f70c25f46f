"""The model's tools for background jobs; the run decides whose job it is."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, ToolException

from graph.delegation.job import Job, Milestone, Status
from graph.delegation.jobs import Jobs
from graph.delegation.state import Budget
from graph.tools.caller import caller
from graph.tools.traits import Traits, method_tool
from memory.prompt.prompt import escape_lines
from memory.text.text import clean, clip

LONGEST_TASK = 8000
_JOBS = uuid.UUID("0d3e7a52-8f3b-5d53-9f0e-6b6b2f5f7c41")
_LISTED = 10
_LONGEST_LISTED = 120
_MILESTONES = {
    "planned": "planned, steps: {about}",
    "step": "done: {about}",
    "again": "to be done better, steps: {about}",
    "summary": "reviewed, being summed up",
}


@dataclass(frozen=True, slots=True)
class DelegationTools:
    jobs: Jobs
    wake: Callable[[], None]
    """Makes the runner look for jobs at once."""
    budget: Budget
    most_open: int

    def all(self) -> list[BaseTool]:
        return [
            method_tool(call, traits)
            for call, traits in (
                (self.delegate, Traits(changes=True, foreign=False, priority=52)),
                (self.delegate_status, Traits(foreign=True, priority=51)),
                (self.delegate_stop, Traits(changes=True, foreign=False, priority=50)),
            )
        ]

    async def delegate(self, task: str, config: RunnableConfig) -> str:
        """Have a large task done in the background by a small team: planner, researchers, coders, critic.

        For what takes many steps and need not be answered at once. `task` must hold all that is needed: the
        team sees neither this conversation nor the person, only the memory. It reports to the chat by itself.
        """
        asked, wanted = caller(config), clean(task).strip()
        if not wanted:
            raise ToolException("The task is empty: say what is to be done.")
        if len(wanted) > LONGEST_TASK:
            raise ToolException(f"The task has {len(wanted)} characters; at most {LONGEST_TASK} are taken.")
        job = Job(
            job_id=uuid.uuid5(_JOBS, f"{asked.owner}\0{asked.key}").hex,
            owner=asked.owner,
            thread=asked.turn.thread,
            task=wanted,
            at=datetime.now(UTC),
            budget=self.budget,
            tags=(f"from {asked.turn.turn_id}",),
        )
        most = self.most_open
        if await self.jobs.start(job, most_open=most) is None:
            raise ToolException(
                f"{most} jobs are at work already, which is all that there may be. Wait until one is done, "
                "or stop one with delegate_stop."
            )
        self.wake()
        return (
            f"Job {job.name} has begun in the background. Its progress and its result will appear in the "
            "chat by themselves: tell the person so, and do not wait for it."
        )

    async def delegate_status(self, config: RunnableConfig, job: str = "") -> str:
        """Say how far delegated jobs are: the latest ones, or one `job` with its progress and its result."""
        asked = caller(config)
        if job.strip():
            return describe_job(await self._find(job, asked.owner))
        found = await self.jobs.latest(owner=asked.owner, most=_LISTED)
        lines = [
            f"- {one.name}, {status_line(one)}: {clip(' '.join(one.task.split()), _LONGEST_LISTED, '…')}"
            for one in found
        ]
        return "\n".join(lines) or "There are no jobs."

    async def delegate_stop(self, job: str, config: RunnableConfig) -> str:
        """Stop a delegated `job`, when the person asks for it."""
        asked = caller(config)
        found = await self._find(job, asked.owner)
        if not await self.jobs.stop(found.job_id, owner=asked.owner):
            return f"Job {found.name} is at its end already: {found.status}."
        self.wake()
        return f"Job {found.name} is being stopped."

    async def _find(self, name: str, owner: str) -> Job:
        found = await self.jobs.find(name, owner=owner)
        if found is None:
            known = ", ".join(one.name for one in await self.jobs.latest(owner=owner, most=_LISTED))
            raise ToolException(f"There is no job {name.strip()[:40]!r}. There are: {known or 'none'}.")
        return found


def describe_job(job: Job) -> str:
    lines = [f"Job {job.name}, {status_line(job)}", f"task: {escape_lines(job.task)}"]
    lines += [f"- {progress_line(one)}" for one in job.progress]
    if job.reason:
        lines.append(f"reason: {escape_lines(job.reason)}")
    if job.result:
        name = "result" if job.status is Status.DONE else "found until then"
        lines.append(f"{name}:\n{job.result}")
    return "\n".join(lines)


def status_line(job: Job) -> str:
    return f"{job.status} ({job.calls} calls of the model, {job.tools} of tools, {job.seconds:.0f} s)"


def progress_line(progress: Milestone) -> str:
    return _MILESTONES.get(progress.code, progress.code).format(about=escape_lines(progress.about))
