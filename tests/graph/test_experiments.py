"""Past turns that are gone back to, in the agent's own process: nothing of them is written or answered."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from langgraph.runtime import Runtime

from graph.app import open_agent
from graph.events.turn_events import Finished, Waiting
from graph.runtime.agent import Agent
from graph.settings.context import Experiment, TurnContext
from graph.settings.settings import Settings
from graph.state.circumstances import TurnReader, note_of, thread_id, user_message, with_time
from graph.state.turn_state import Recall, Turn
from memory.errors import OwnerMismatch, TierUnavailable
from memory.models import Episode, SearchReport, SearchStatus
from nodes.archive import to_episode
from nodes.experiment import Experiments, as_of
from tests.scripted import calling, in_turn
from tests.servers.model import ModelServer
from tests.unit.graph.test_nodes import candidate

OWNER = "ana"
THREAD = thread_id("test", "experiments")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TURN = Turn(turn_id="now", owner=OWNER, thread=THREAD, message="m", at=NOW)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("hash_vectors")]


async def fork(agent: Agent, node: str, stop: list[str] | None = None, **context: Any) -> Any:
    """Go back to the step before a node, as a LangGraph server does."""
    config: Any = {"configurable": {"thread_id": THREAD}}
    steps = [step async for step in agent.graph.aget_state_history(config)]
    before = next(step for step in steps if node in step.next)
    changed = TurnContext(**{"prefetch_timeout": 30, **context})
    return await agent.graph.ainvoke(
        None, before.config, context=changed, interrupt_before=stop, durability="sync"
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


async def plant(agent: Agent, beds: range) -> None:
    """Say something in another conversation, without an answer."""
    said = [
        Episode(
            turn_id=f"bed-{bed}",
            owner=OWNER,
            thread=thread_id("test", "other"),
            message=f"I planted basil in bed {bed}.",
            reply="Noted.",
            at=datetime.now(UTC),
        )
        for bed in beds
    ]
    await agent.layers.episodes.append_many(said)
    await agent.layers.episodes.index(owner=OWNER)


async def test_the_same_search_finds_the_same_after_much_was_said(agent: Agent) -> None:
    await plant(agent, range(12))
    asked = await agent.ask("Where did I plant basil?", owner=OWNER, thread=THREAD)
    await plant(agent, range(12, 24))
    await agent.layers.recorder.flush()
    forked = await fork(agent, "prefetch", ["gap_filter"])
    assert forked["recall"].candidates == asked["recall"].candidates
    assert forked["recall"].noise == asked["recall"].noise


async def test_a_turn_that_says_what_it_is_costs_no_look() -> None:
    unreadable: Any = None
    experiments = Experiments(TurnReader(OWNER, lambda: NOW), unreadable)

    async def live(*_: Any) -> str:
        return "live"

    async def experiment(*_: Any) -> str:
        return "experiment"

    async def run(kind: Experiment, turn: Turn = TURN, *, first: bool = False) -> Any:
        node = experiments.split(live, experiment, first=first)
        return await node({"turn": turn}, Runtime(context=TurnContext(experiment=kind)))

    assert await run(Experiment.OFF) == await run(Experiment.OFF, first=True) == "live"
    assert await run(Experiment.ON) == "experiment"
    assert await run(Experiment.FORKS, replace(TURN, experiment=True)) == "experiment"


async def test_why_tells_of_the_turn_that_was_answered(agent: Agent) -> None:
    await agent.ask("I planted basil.", owner=OWNER, thread=THREAD)
    await fork(agent, "budget", budget_hard_cap=100)
    told = await agent.last_turn(THREAD)
    assert told is not None
    assert told["allocation"].total > 100
    await fork(agent, "budget", ["respond"], budget_hard_cap=100)
    told = await agent.last_turn(THREAD)
    assert told is not None
    assert told["allocation"].total > 100


async def test_a_turn_can_be_gone_back_to_again_and_again(agent: Agent) -> None:
    await agent.ask("I planted basil.", owner=OWNER, thread=THREAD)
    config: Any = {"configurable": {"thread_id": THREAD}}
    steps = [step.config async for step in agent.graph.aget_state_history(config)]
    for number in range(2):
        for step in steps[1:-1]:
            await agent.graph.ainvoke(None, step, context=TurnContext(), durability="sync")
        held = await held_in(agent)
        async with asyncio.timeout(60):
            while len(held) > 40:  # they are pruned behind the turn
                held = await held_in(agent)
        assert {step["configurable"]["checkpoint_id"] for step in steps} <= set(held), number


async def held_in(agent: Agent) -> list[str]:
    history = agent.graph.aget_state_history({"configurable": {"thread_id": THREAD}})
    return [step.config["configurable"]["checkpoint_id"] async for step in history]


async def test_a_fork_for_another_owner_is_refused_at_every_node(agent: Agent) -> None:
    await agent.ask("I planted basil.", owner=OWNER, thread=THREAD)
    for node in ("prefetch", "gap_filter", "budget", "assemble", "respond", "archive"):
        with pytest.raises(OwnerMismatch):
            await fork(agent, node, owner="bob")
    assert (await fork(agent, "prefetch", owner=OWNER))["archived"].experiment


async def cut_off(agent: Agent, text: str, turn_id: str, before: str) -> None:
    """Begin a turn, as a process does that is killed before a node."""
    message = user_message(text, turn_id=turn_id, owner=OWNER, at=NOW)
    await agent.graph.ainvoke(
        {"messages": [message]},
        {"configurable": {"thread_id": THREAD}},
        context=TurnContext(),
        interrupt_before=[before],
        durability="sync",
    )


@pytest.mark.parametrize("before", ["respond", "archive"])
async def test_a_turn_that_was_cut_off_and_forked_is_still_answered_and_archived(
    agent: Agent, model: ModelServer, before: str
) -> None:
    model.reply("The first reply.")
    await agent.ask("I planted basil.", owner=OWNER, thread=THREAD)
    model.reply("The second reply.")
    await cut_off(agent, "And some leeks.", "t2", before)
    await fork(agent, "budget", ["respond"], gap_threshold=1.0)
    await agent.resume()
    again = await agent.ask("And some leeks.", owner=OWNER, thread=THREAD, turn_id="t2")
    assert again["reply"].text == "The second reply."
    archived = await agent.layers.episodes.recent(owner=OWNER, limit=9)
    assert sorted(one.message for one in archived) == ["And some leeks.", "I planted basil."]


async def test_a_new_message_at_a_past_checkpoint_is_archived(agent: Agent) -> None:
    await agent.ask("I planted basil.", owner=OWNER, thread=THREAD)
    past = await agent.graph.aget_state({"configurable": {"thread_id": THREAD}})
    await agent.ask("And some leeks.", owner=OWNER, thread=THREAD)
    message = user_message("And carrots.", turn_id="t3", owner=OWNER, at=NOW)
    state = await agent.graph.ainvoke(
        {"messages": [message]}, past.config, context=TurnContext(), durability="sync"
    )
    assert state["archived"].episode
    assert not state["turn"].experiment
    assert await agent.layers.episodes.count(owner=OWNER) == 3


async def test_a_second_try_from_the_same_step_archives(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cut_off(agent, "I planted basil.", "t1", "archive")
    head = (await agent.graph.aget_state({"configurable": {"thread_id": THREAD}})).config
    with monkeypatch.context() as patched:
        patched.setattr(agent.layers.episodes, "append", _down)
        with pytest.raises(TierUnavailable):
            await agent.graph.ainvoke(None, head, context=TurnContext(), durability="sync")
    state = await agent.graph.ainvoke(None, head, context=TurnContext(), durability="sync")
    assert state["archived"].episode
    assert await agent.layers.episodes.count(owner=OWNER) == 1


async def test_a_turn_cut_off_between_archive_and_conversation_is_completed(agent: Agent) -> None:
    await cut_off(agent, "I planted basil.", "t1", "archive")
    state = (await agent.graph.aget_state({"configurable": {"thread_id": THREAD}})).values
    await agent.layers.episodes.append(to_episode(state["turn"], state["reply"]))
    finished = await agent.graph.ainvoke(
        None, {"configurable": {"thread_id": THREAD}}, context=TurnContext(), durability="sync"
    )
    window = await agent.layers.conversations.window(owner=OWNER, thread=THREAD, max_tokens=1000)
    assert [turn.message for turn in window] == ["I planted basil."]
    assert not finished["archived"].experiment


async def next_message(agent: Agent, text: str, turn_id: str) -> Any:
    """Send a message as a LangGraph server does, which drops what is pending in the thread."""
    message = user_message(text, turn_id=turn_id, owner=OWNER, at=NOW + timedelta(minutes=1))
    config: Any = {"configurable": {"thread_id": THREAD}}
    return await agent.graph.ainvoke(
        {"messages": [message]}, config, context=TurnContext(), durability="sync"
    )


async def test_a_turn_cut_off_before_its_archive_is_archived_with_the_next_message(agent: Agent) -> None:
    await cut_off(agent, "I planted basil.", "t1", "archive")
    state = await next_message(agent, "And some leeks.", "t2")
    assert [past.message for past in state["conversation"].turns] == ["I planted basil."]
    archived = await agent.layers.episodes.recent(owner=OWNER, limit=9)
    assert sorted(one.message for one in archived) == ["And some leeks.", "I planted basil."]


async def test_an_experiment_that_was_cut_off_is_not_archived_with_the_next_message(agent: Agent) -> None:
    await cut_off(agent, "I planted basil.", "t1", "respond")
    await fork(agent, "budget", ["archive"], experiment=Experiment.ON)
    state = await next_message(agent, "And some leeks.", "t2")
    assert not state["conversation"].turns
    archived = await agent.layers.episodes.recent(owner=OWNER, limit=9)
    assert [one.message for one in archived] == ["And some leeks."]


async def test_a_call_that_waits_is_asked_about_again_after_a_fork(
    settings: Settings, model: ModelServer
) -> None:
    model.reply(in_turn(calling("shell_run", command="echo one")))
    async with open_agent(settings.model_copy(update={"shell": True, "owner": OWNER})) as agent:
        events = [event async for event in agent.stream("Run it.", owner=OWNER, thread=THREAD, turn_id="t1")]
        waiting = events[-1]
        assert isinstance(waiting, Waiting)
        await fork(agent, "budget", ["respond"])
        deciding = agent.decide(
            "t1", owner=OWNER, thread=THREAD, approval_id=waiting.approvals[0].id, allowed=True
        )
        asked = [event async for event in deciding][-1]
        assert isinstance(asked, Waiting)
        model.reply("Done.")
        deciding = agent.decide(
            "t1", owner=OWNER, thread=THREAD, approval_id=asked.approvals[0].id, allowed=False
        )
        assert isinstance([event async for event in deciding][-1], Finished)
        assert await agent.layers.episodes.count(owner=OWNER) == 1


async def _down(*_: object) -> bool:
    raise TierUnavailable("episodic", "the disk is full")


async def test_what_came_later_is_left_out_and_the_rest_is_counted_anew() -> None:
    earlier, later = candidate("a", days=1), replace(candidate("b"), at=NOW + timedelta(days=1))
    reports = {
        name: SearchReport(status=SearchStatus.OK, found=3) for name in ("thematic", "temporal", "key")
    }
    recall = as_of(Recall(candidates=(later, candidate("now"), earlier), reports=reports), NOW, "now")
    assert [one.turn_id for one in recall.candidates] == ["a"]
    assert {name: report.found for name, report in recall.reports.items()} == {
        "thematic": 1,
        "temporal": 0,
        "key": 0,
    }


async def test_a_message_without_a_time_is_given_that_of_its_checkpoint() -> None:
    said = user_message("m", turn_id="t", owner=OWNER, at=NOW)
    assert with_time({"messages": [said]}, NOW + timedelta(days=1))["messages"] == [said]
    bare = said.model_copy(update={"additional_kwargs": {}})
    (message,) = with_time({"messages": [bare]}, NOW)["messages"]
    assert note_of(message)["at"] == NOW.isoformat()
    assert with_time({"messages": [bare]}, None)["messages"] == [bare]
