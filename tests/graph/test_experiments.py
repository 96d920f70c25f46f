"""Past turns that are gone back to, in the agent's own process: nothing of them is written or answered."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from langgraph.runtime import ExecutionInfo, Runtime

from graph.agent import Agent
from graph.context import Experiment, TurnContext
from graph.exchange import ToolResult
from graph.experiment import Experiments
from graph.lineage import Branch
from graph.state import Recall, Turn
from graph.turn import dated, note_of, thread_id, user_message
from memory.models import SearchReport
from nodes.searching_anew import as_of
from tests.servers.model import ModelServer
from tests.unit.test_nodes import candidate

OWNER = "ana"
THREAD = thread_id("test", "experiments")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TURN = Turn(turn_id="now", owner=OWNER, thread=THREAD, message="m", at=NOW)
CALLED = ToolResult(turn_id="now", key="k", name="n", output="", ok=False, evidence="", experiment=True)

pytestmark = pytest.mark.usefixtures("hash_vectors")


class Forks:
    """A lineage in which everything is a fork; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def branch(self, thread: str, checkpoint_id: str) -> Branch:
        self.asked += 1
        return Branch(fork=True, began=NOW)

    async def branch_before(self, thread: str, checkpoint_id: str) -> Branch:
        return await self.branch(thread, checkpoint_id)


def running(experiment: Experiment) -> Runtime[TurnContext]:
    where = ExecutionInfo(checkpoint_id="c", checkpoint_ns="", task_id="t", thread_id=THREAD)
    return Runtime(context=TurnContext(experiment=experiment), execution_info=where)


async def fork(agent: Agent, node: str, stop: list[str] | None = None, **context: Any) -> Any:
    """Go back to the step before a node, as a LangGraph server does."""
    config: Any = {"configurable": {"thread_id": THREAD}}
    steps = [step async for step in agent.graph.aget_state_history(config)]
    before = next(step for step in steps if node in step.next)
    return await agent.graph.ainvoke(
        None, before.config, context=TurnContext(**context), interrupt_before=stop, durability="sync"
    )


async def test_an_experiment_that_was_left_is_closed_by_the_next_message(
    agent: Agent, model: ModelServer
) -> None:
    await agent.ask("I planted basil.", owner=OWNER, thread=THREAD)
    await fork(agent, "gap_filter", ["respond"], gap_threshold=1.0)
    asked = len(model.chats)
    state = await agent.ask("And some leeks.", owner=OWNER, thread=THREAD)
    assert len(model.chats) == asked + 1
    assert [past.message for past in state["conversation"].turns] == ["I planted basil."]
    assert state["archived"].episode
    assert await agent.layers.episodes.count(owner=OWNER) == 2


async def test_what_an_experiment_said_is_not_the_turns_answer(agent: Agent, model: ModelServer) -> None:
    model.reply("Noted.")
    await agent.ask("I planted basil.", owner=OWNER, thread=THREAD, turn_id="t1")
    model.reply("Said in an experiment.")
    forked = await fork(agent, "budget")
    assert forked["reply"].text == "Said in an experiment."
    again = await agent.ask("I planted basil.", owner=OWNER, thread=THREAD, turn_id="t1")
    assert again["reply"].text == "Noted."


async def test_a_fork_looks_at_the_memory_as_it_was(agent: Agent) -> None:
    await agent.ask("I planted basil behind the shed.", owner=OWNER, thread=thread_id("test", "other"))
    await agent.ask("Where did I plant basil?", owner=OWNER, thread=THREAD)
    other = thread_id("test", "later")
    await agent.ask("I planted basil in front of the shed.", owner=OWNER, thread=other)
    forked = await fork(agent, "prefetch", ["gap_filter"])
    found = [one.message for one in forked["recall"].candidates]
    assert found == ["I planted basil behind the shed."]
    assert forked["recall"].candidates[0].rank == 1


async def test_a_turn_that_says_what_it_is_costs_no_look() -> None:
    forks = Forks()
    experiments = Experiments(forks)
    assert not await experiments(TURN, running(Experiment.OFF))
    assert await experiments(TURN, running(Experiment.ON))
    assert await experiments.beginning(running(Experiment.OFF)) == (False, None)
    assert await experiments(replace(TURN, experiment=True), running(Experiment.FORKS))
    assert await experiments(TURN, running(Experiment.FORKS), [CALLED])
    assert not await experiments(replace(TURN, private=True), running(Experiment.FORKS))
    assert forks.asked == 0
    assert await experiments(TURN, running(Experiment.FORKS))
    assert await experiments.beginning(running(Experiment.FORKS)) == (True, NOW)
    assert await experiments.was_one(TURN, running(Experiment.OFF))


async def test_without_checkpoints_nothing_is_a_fork() -> None:
    assert not await Experiments(Forks())(TURN, Runtime(context=TurnContext()))
    assert not await Experiments()(TURN, running(Experiment.FORKS))


def test_what_came_later_is_left_out_and_the_rest_is_counted_anew() -> None:
    earlier, later = candidate("a", days=1), replace(candidate("b"), at=NOW + timedelta(days=1))
    reports = {name: SearchReport(status="ok", found=3) for name in ("thematic", "temporal", "key")}
    recall = as_of(Recall(candidates=(later, candidate("now"), earlier), reports=reports), NOW, "now")
    assert [one.turn_id for one in recall.candidates] == ["a"]
    assert {name: report.found for name, report in recall.reports.items()} == {
        "thematic": 1,
        "temporal": 0,
        "key": 0,
    }


def test_a_message_without_a_time_is_given_that_of_its_checkpoint() -> None:
    said = user_message("m", turn_id="t", owner=OWNER, at=NOW)
    assert dated({"messages": [said]}, NOW + timedelta(days=1))["messages"] == [said]
    bare = said.model_copy(update={"additional_kwargs": {}})
    (message,) = dated({"messages": [bare]}, NOW)["messages"]
    assert note_of(message)["at"] == NOW.isoformat()
    assert dated({"messages": [bare]}, None)["messages"] == [bare]
