"""Memories that were shown and not used: behind a fork of their turn, the next message knows of them."""

from typing import Any

import pytest

from graph.replay.replayer import Replayer
from graph.runtime.agent import Agent
from graph.settings.context import Experiment, TurnContext
from graph.state.circumstances import thread_id
from tests.graph.test_experiments import OWNER, THREAD, fork
from tests.servers.model import ModelServer

TOLD = "My bike is parked at the north gate of the station"
ASKED = "let us talk about the bike"
LOOSE = TurnContext(gap_threshold=0.05, gap_break=100, prefetch_timeout=30)


@pytest.fixture
def agent(e5_agent: Agent) -> Agent:
    return e5_agent


async def ask_in_vain(agent: Agent, model: ModelServer) -> str:
    """Have a memory recalled that the reply makes no use of; return which."""
    for said in (TOLD, "The bike has a red lock with code zebra"):
        model.reply("Noted.")
        await agent.ask(said, owner=OWNER, thread=thread_id("test", "other"))
        await agent.layers.episodes.index(owner=OWNER)
    model.reply("I cannot say.")
    state = await agent.ask(ASKED, owner=OWNER, thread=THREAD, context=LOOSE)
    shown = state["allocation"].recalled[0]
    assert state["unused"][0].turn_id == shown
    return shown


@pytest.mark.parametrize(
    ("node", "stop", "experiment"),
    [
        ("gap_filter", None, Experiment.OFF),
        ("gap_filter", ["respond"], Experiment.FORKS),
        ("prefetch", None, Experiment.FORKS),
    ],
)
async def test_after_a_fork_the_next_message_goes_by_what_was_really_shown_in_vain(
    agent: Agent, model: ModelServer, node: str, stop: list[str] | None, experiment: Experiment
) -> None:
    shown = await ask_in_vain(agent, model)
    await fork(agent, node, stop, gap_threshold=1.0, experiment=experiment)
    state = await agent.ask(f"{ASKED}!", owner=OWNER, thread=THREAD, context=LOOSE)
    rules = {decision.turn_id: decision.rule for decision in state["decisions"]}
    assert rules[shown] == "unused"
    await agent.layers.recorder.flush()
    assert await replayed(agent) == [True] * 4


async def test_a_fork_decides_with_what_was_shown_in_vain_before_its_turn(
    agent: Agent, model: ModelServer
) -> None:
    shown = await ask_in_vain(agent, model)
    await agent.ask(f"{ASKED}!", owner=OWNER, thread=THREAD, context=LOOSE)
    for node in ("gap_filter", "prefetch"):
        forked = await fork(agent, node, ["respond"], gap_threshold=0.05, gap_break=100)
        rules = {decision.turn_id: decision.rule for decision in forked["decisions"]}
        assert rules[shown] == "unused"


async def replayed(agent: Agent) -> list[bool]:
    """Replay all turns; say of each whether it was decided as it is recorded."""
    replayer = Replayer(agent.layers, OWNER)
    found: list[Any] = [one async for one in replayer.run(await replayer.plan())]
    return [one.same for one in found]
