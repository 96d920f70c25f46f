"""A data folder of an earlier version is opened as if it were of this one."""

import shutil
from pathlib import Path

import pytest

from graph.app import open_agent
from graph.exchange import ToolResult
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.state.circumstances import thread_id
from graph.state.turn_state import Recall, Turn
from memory.models import Candidate
from tests.servers.model import ModelServer

FORMER = Path(__file__).parents[1] / "data" / "data_folder_0_1.tar.xz"
"""Written when the types of the state were in `graph/state.py`: tool calls, a fact, and a call that waits."""
OWNER = "ana"
THREAD, WAITS = thread_id("test", OWNER, "kept"), thread_id("test", OWNER, "waits")

pytestmark = pytest.mark.usefixtures("hash_vectors")


@pytest.fixture
def former(settings: Settings) -> Settings:
    (settings.data_folder / "models").unlink()
    shutil.rmtree(settings.data_folder)
    shutil.unpack_archive(FORMER, settings.data_folder.parent)
    return settings


async def test_turns_facts_and_steps_of_an_earlier_version_are_read(
    former: Settings, model: ModelServer
) -> None:
    async with open_agent(former) as agent:
        steps = [
            step async for step in agent.graph.aget_state_history({"configurable": {"thread_id": THREAD}})
        ]
        values = [step.values for step in steps if "recall" in step.values]
        assert {type(each["turn"]) for each in values} == {Turn}
        assert {type(each["recall"]) for each in values} == {Recall}
        assert Candidate in {type(found) for each in values for found in each["recall"].candidates}
        assert {type(one) for each in values for one in each.get("results", ())} == {ToolResult}
        assert [fact.value for fact in await agent.layers.permanent.facts(owner=OWNER)] == ["Miti"]
        state = await agent.ask("Where does my sister Maria live?", owner=OWNER, thread=THREAD)
        assert any("Cluj" in found.message for found in state["recall"].candidates)


async def test_a_call_that_waited_in_an_earlier_version_is_decided(
    former: Settings, model: ModelServer
) -> None:
    model.reply("Aye.")
    async with open_agent(former) as agent:
        await agent.resume()
        waiting = await agent.waiting(WAITS, owner=OWNER)
        assert waiting
        decided = agent.decide(
            waiting.turn_id, owner=OWNER, thread=WAITS, approval_id=waiting.approvals[0].id, allowed=True
        )
        assert [event async for event in decided]
        assert await identity_of(agent) == "You are a pirate."


async def identity_of(agent: Agent) -> str | None:
    return await agent.layers.permanent.identity(owner=OWNER)
