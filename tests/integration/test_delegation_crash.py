"""A process that is killed in the middle of a job: another one goes on where it was."""

import asyncio

from graph.app import open_agent
from graph.delegation.job import Job, Status
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from tests.crash.settings import environment
from tests.nursery import SECONDS, Nursery
from tests.servers.model import ModelRequest, ModelServer, Reply
from tests.servers.openai_format import ToolCall
from tests.team import OWNER, QUICK, Team, plan, titles, until

_TOOK_TOOLS = "tool_output"


async def first_job(agent: Agent) -> Job:
    """Wait for the job that the other process gives."""
    async with asyncio.timeout(SECONDS):
        while not (found := await agent.layers.delegation.jobs.latest(owner=OWNER)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found[0]


async def test_the_next_process_finishes_the_job_and_asks_for_nothing_twice(
    nursery: Nursery, settings: Settings, model: ModelServer, hash_vectors: None
) -> None:
    def research(request: ModelRequest) -> str | Reply:
        if "slowly" not in request.messages[1]["content"]:
            return "Oats cost 3 lei."
        if _TOOK_TOOLS in str(request.messages[2:]):
            return "It is slow."
        return Reply("", (ToolCall("memory_status", {}),))

    team = Team({"planner": plan(("researcher", "prices"), ("researcher", "slowly")), "researcher": research})
    model.reply(team)
    model.hold_before = "slow."
    async with open_agent(settings) as agent:
        agent.layers.delegation.runner.pace = QUICK
        words = ("-m", "tests.delegating")
        with nursery.living(*words, environment=environment(settings)) as process:
            job = await until(agent, await first_job(agent), lambda job: bool(titles(job)))
            async with asyncio.timeout(SECONDS):
                while len(team.requests("researcher")) < 3:  # noqa: ASYNC110 - asked of a thread
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(process.kill)
        model.hold_before = ""
        left = await agent.layers.delegation.jobs.get(job.job_id, owner=OWNER)
        assert left is not None
        assert left.is_open
        await agent.resume()
        done = await until(agent, job)
        episodes = await agent.layers.episodes.recent(owner=OWNER, limit=9)
    assert done.status is Status.DONE
    assert len(team.requests("planner")) == len(team.requests("critic")) == 1
    asked = [_TOOK_TOOLS in str(one.messages[2:]) for one in team.requests("researcher")]
    assert sorted(asked) == [False, False, True, True]
    assert len(team.requests("summariser")) == 1
    assert sorted(titles(done)) == ["prices", "slowly"]
    assert [episode.turn_id for episode in episodes] == [f"job-{job.job_id}"]
