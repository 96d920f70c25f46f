"""A scripted team: a model that answers by role, and jobs delegated to it."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime

from graph.delegation.completion import JobCompletion
from graph.delegation.job import Job
from graph.delegation.runner import Pace
from graph.runtime.agent import Agent
from graph.state.circumstances import thread_id
from graph.state.turn_state import Turn
from graph.tools.caller import Caller
from tests.servers.model import ModelRequest, Reply

OWNER = "ana"
THREAD = thread_id("test", OWNER, "delegation")
QUICK = Pace(look=0.2, beat=0.05, pause=0.01)
_ROLES = {
    "You are the planner": "planner",
    "You are a researcher": "researcher",
    "You are a coder": "coder",
    "You are the critic": "critic",
    "You sum up": "summariser",
}
Answer = str | Reply | Callable[[ModelRequest], str | Reply]


@dataclass(slots=True)
class Team:
    """The answers of each role, and the requests it got."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, ModelRequest]] = field(default_factory=list)
    """Roles and requests, oldest first."""
    otherwise: Answer = "Begun."
    """Answers in a turn."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: ModelRequest) -> str | Reply:
        role = role_of(request)
        with self._lock:
            self.asked.append((role, request))
        answer = self.answers.get(role, _USUAL.get(role, self.otherwise))
        return answer(request) if callable(answer) else answer

    def requests(self, role: str) -> list[ModelRequest]:
        """Return the requests to a role."""
        return [request for asked, request in self.asked if asked == role]

    def count(self) -> int:
        """Count the calls of all roles."""
        return sum(role != "turn" for role, _ in self.asked)


def role_of(request: ModelRequest) -> str:
    """Return the role of a request; "turn" for none."""
    system = str(request.messages[0].get("content", ""))
    return next((role for begin, role in _ROLES.items() if system.startswith(begin)), "turn")


def plan(*steps: tuple[str, str]) -> str:
    """Return a plan with these roles and titles."""
    entries = [{"role": role, "title": title, "task": f"Do {title}."} for role, title in steps]
    return "Here is the plan:\n```json\n" + json.dumps({"steps": entries}) + "\n```"


_USUAL: Mapping[str, Answer] = {
    "planner": plan(("researcher", "prices"), ("coder", "table")),
    "researcher": "Oats cost 3 lei.",
    "coder": "| oats | 3 |",
    "critic": '{"critique": "", "again": []}',
    "summariser": "Oats cost **3 lei**.",
}


def turn(owner: str = OWNER, name: str = "t1", *, private: bool = False) -> Turn:
    """Return a turn that calls tools."""
    return Turn(
        turn_id=name, owner=owner, thread=THREAD, message="Do it.", at=datetime.now(UTC), private=private
    )


async def call(agent: Agent, tool: str, by: Turn | None = None, key: str = "", **arguments: object) -> str:
    """Call a tool in a turn."""
    by = by or turn()
    offered = await agent.layers.toolbox.tools_for(by)
    return str(
        await offered[tool].ainvoke(dict(arguments), Caller(turn=by, key=key or f"{by.turn_id}:0:0").config())
    )


async def delegated(
    agent: Agent, task: str = "Compare the prices of oats.", *, key: str = "", pace: Pace = QUICK
) -> Job:
    """Delegate a task; return its job."""
    agent.layers.delegation.runner.pace = pace
    await call(agent, "delegate", key=key, task=task)
    return (await agent.layers.delegation.jobs.latest(owner=OWNER))[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedCompletion(JobCompletion):
    """Closes jobs as usual, but waits at a gate before it archives them."""

    gate: Callable[[], Awaitable[None]]

    async def archive(self, job: Job, result: str) -> None:
        """Pass the gate, which may wait or raise, then archive."""
        await self.gate()
        await JobCompletion.archive(self, job, result)


def put_gate(agent: Agent, gate: Callable[[], Awaitable[None]]) -> None:
    """Put a gate before the archiving of the agent's jobs."""
    runner = agent.layers.delegation.runner
    runner.completion = GatedCompletion(
        *(getattr(runner.completion, field.name) for field in fields(JobCompletion)), gate=gate
    )


async def until(
    agent: Agent, job: Job, is_so: Callable[[Job], bool] = lambda job: not job.is_open, seconds: float = 60.0
) -> Job:
    """Wait until a job meets a condition; if it has ended, also for its follow-up work."""
    jobs = agent.layers.delegation.jobs
    async with asyncio.timeout(seconds):
        while True:
            found = await jobs.get(job.job_id, owner=job.owner)
            if found is not None and is_so(found) and (found.is_open or not await jobs.open()):
                return found
            await asyncio.sleep(0.01)


def titles(job: Job) -> Sequence[str]:
    """Return the steps that a job has reported."""
    return [one.about for one in job.progress if one.code == "step"]
