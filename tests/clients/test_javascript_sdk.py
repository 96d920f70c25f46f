"""LangGraph's SDK for JavaScript, run by node: it runs, streams, stops, approves, forks and resumes."""

import asyncio
import json
import os
from dataclasses import dataclass
from typing import Any

import pytest

from graph.runtime.agent import Agent
from memory.models import Outcome
from tests.clients.npm_packages import SDKS, NpmPackages
from tests.scripted import calling, in_turn
from tests.servers.model import ModelServer
from tests.servers.studio import StudioServer
from tests.studio import conversation, kept

pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]
FACT = "My daughter Ioana is allergic to peanuts."
APPROVE, REJECT = {"type": "approve"}, {"type": "reject", "message": "It is late."}


@dataclass(frozen=True, slots=True)
class Script:
    """The scenarios of `sdk.mjs`, with one of the SDKs."""

    packages: NpmPackages
    server: StudioServer
    sdk: str

    async def run(self, scenario: str, **given: Any) -> Any:
        """Run a scenario; return its result."""
        process = await asyncio.create_subprocess_exec(
            *("node", str(self.packages.script), self.sdk, scenario, json.dumps(given)),
            env={**os.environ, "STUDIO_URL": self.server.url, "STUDIO_KEY": self.server.token},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()
        return json.loads(said)


@pytest.fixture(params=SDKS)
def script(packages: NpmPackages, server: StudioServer, request: pytest.FixtureRequest) -> Script:
    return Script(packages, server, request.param)


async def test_only_the_reply_streams_once_under_the_id_that_it_keeps(
    script: Script, model: ModelServer
) -> None:
    model.reply("Leeks, basil and peas.")
    told = await script.run("stream", text="What shall I plant?")
    human, reply = told["messages"]
    assert (human["content"], reply["content"]) == ("What shall I plant?", "Leeks, basil and peas.")
    assert told["heard"] == {reply["id"]: reply["content"]}


async def test_of_a_stopped_run_what_was_written_is_kept(
    script: Script, model: ModelServer, agent: Agent
) -> None:
    model.reply("One two three.")
    model.hold_before = "three"
    told = await script.run("stop", text="Count for me.", word="two")
    model.reset()
    assert list(told["heard"].values()) == ["One two "]
    assert told["status"] in {"interrupted", "error", "cancelled"}
    later = await script.run("say", thread=told["thread"], text="Go on.")
    assert conversation(later) == ["Count for me."]
    replies = [
        one.reply async for one in agent.layers.episodes.all(owner="me") if one.message == "Count for me."
    ]
    assert "One two" in replies


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        ({"decisions": [APPROVE]}, "It is lit in the hall."),
        ({"decisions": [REJECT]}, "It is late."),
        (True, "It is lit in the hall."),
        (False, "did not allow it"),
    ],
)
async def test_a_call_waits_for_the_persons_word(
    script: Script, model: ModelServer, answer: object, output: str
) -> None:
    model.reply(in_turn(calling("switch_lamp", room="hall"), "That is it."))
    told = await script.run("approve", text="Switch it on, please.", answer=answer)
    (asked,) = told["asked"]
    assert asked["action_requests"][0]["args"] == {"room": "hall"}
    (result,) = told["state"]["results"]
    assert output in result["output"]
    assert told["state"]["reply"]["text"] == "That is it."


async def test_a_fork_with_another_threshold_changes_the_decision_and_no_memory(
    script: Script, agent: Agent
) -> None:
    await script.run("stream", text=FACT)
    told = await script.run(
        "fork", text="What is Ioana allergic to?", node="gap_filter", context={"gap_threshold": 1}
    )
    before = await agent.layers.episodes.count(owner="me")
    assert kept(told["first"])
    assert kept(told["forked"]) == []
    assert told["forked"]["archived"]["experiment"]
    assert await agent.layers.episodes.count(owner="me") == before


async def test_a_turn_that_was_interrupted_goes_on(script: Script, model: ModelServer) -> None:
    model.reply("Here I am.")
    told = await script.run("resume", text="Are you there?", node="respond")
    assert told["next"] == ["respond"]
    assert told["state"]["reply"]["text"] == "Here I am."
    assert told["state"]["reply"]["outcome"] == Outcome.ANSWERED
    assert told["state"]["archived"]["episode"]
