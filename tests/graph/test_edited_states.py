"""What is written into a thread from outside, as LangGraph Studio lets people do: it harms no other turn."""

from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from pydantic import TypeAdapter

from graph.runtime.agent import Agent
from graph.settings.context import TurnContext
from graph.state.circumstances import thread_id, user_message
from graph.state.turn_state import Recall, Turn
from memory.errors import BadState, OwnerMismatch
from nodes.gap_filter import GapFilter
from tests.servers.model import ModelServer

OWNER = "ana"
THREAD = thread_id("test", "edited states")
CONFIG: Any = {"configurable": {"thread_id": THREAD}}

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("hash_vectors")]


async def before(agent: Agent, node: str) -> Any:
    """Return the step before a node."""
    steps = [step async for step in agent.graph.aget_state_history(CONFIG)]
    return next(step for step in steps if node in step.next)


def as_json(value: Any) -> Any:
    return TypeAdapter(Any).dump_python(value, mode="json")


async def test_values_that_are_saved_again_as_json_are_the_same_values(
    agent: Agent, model: ModelServer
) -> None:
    await agent.ask("The kayak is under the bridge.", owner=OWNER, thread=thread_id("test", "earlier"))
    state = await agent.ask("Where is the kayak?", owner=OWNER, thread=THREAD)
    step = await before(agent, "gap_filter")
    edited = {name: as_json(step.values[name]) for name in ("turn", "recall", "persona", "fact_sheet")}
    assert isinstance(edited["turn"], dict)
    fork = await agent.graph.aupdate_state(step.config, edited, as_node="working")
    values = (await agent.graph.aget_state(CONFIG)).values
    assert (values["turn"], values["recall"]) == (step.values["turn"], step.values["recall"])
    assert (type(values["turn"]), type(values["recall"])) == (Turn, Recall)
    again = await agent.graph.ainvoke(None, fork, context=TurnContext(), durability="sync")
    assert again["allocation"] == state["allocation"]
    assert await agent.resume() == []
    assert (await agent.ask("And the paddle?", owner=OWNER, thread=THREAD))["reply"].text


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"turn": {"message": "m"}}, "turn.turn_id"),
    ({"turn": None}, "turn"),
    ({"recall": "something"}, "recall"),
    ({"recall": {"candidates": [{"turn_id": 1}]}}, r"recall.candidates.0.turn_id"),
    ({"unused": ["something"]}, "unused.0"),
    ({"exchange": {"rounds": [{}]}}, r"exchange.turn_id: .*exchange.rounds.0.text"),
    ({"exchange": "something"}, "exchange: "),
    ({"results": [{"key": "k"}]}, "results.0.turn_id"),
    ({"fitting": {"turn_id": 5}}, "fitting.turn_id"),
]


@pytest.mark.parametrize(("node", "written_as"), [("gap_filter", "working"), ("respond", "respond")])
async def test_what_cannot_stand_there_is_refused_and_the_thread_goes_on(
    agent: Agent, model: ModelServer, node: str, written_as: str
) -> None:
    await agent.ask("The kayak is under the bridge.", owner=OWNER, thread=THREAD)
    step = await before(agent, node)
    for edited, told in REFUSED:
        with pytest.raises(BadState, match=told):
            await agent.graph.aupdate_state(step.config, edited, as_node=written_as)
        assert await agent.resume() == []
    assert (await agent.ask("And the paddle?", owner=OWNER, thread=THREAD))["reply"].text


async def test_a_call_that_is_written_as_plain_json_is_run_as_one(agent: Agent, model: ModelServer) -> None:
    await agent.ask("The kayak is under the bridge.", owner=OWNER, thread=THREAD)
    step = await before(agent, "respond")
    call = {"id": "c1", "key": "k1", "name": "read_facts", "arguments": {}}
    exchange = {"turn_id": step.values["turn"].turn_id, "rounds": [{"text": "", "calls": [call]}]}
    fork = await agent.graph.aupdate_state(step.config, {"exchange": exchange}, as_node="respond")
    state = await agent.graph.ainvoke(None, fork, context=TurnContext(), durability="sync")
    assert [result.output for result in state["results"]] == ["There are none."]


async def test_what_another_owner_asked_in_a_thread_is_withdrawn_not_answered(
    agent: Agent, model: ModelServer
) -> None:
    """A LangGraph server notes the thread's owner, where it is listed, as that of each of its runs."""
    await agent.ask("The kayak is under the bridge.", owner=OWNER, thread=THREAD)
    listed = CONFIG | {"metadata": {"owner": OWNER, "assistant_id": "goat"}}
    asked: Any = {"messages": [HumanMessage("The password is aubergine.")]}
    with pytest.raises(OwnerMismatch):
        await agent.graph.ainvoke(asked, listed, context=TurnContext(owner="ion"), durability="sync")
    assert await agent.resume() == []
    assert await agent.layers.episodes.count(owner=OWNER) == 1
    state = await agent.ask("Where is it?", owner=OWNER, thread=THREAD)
    assert "aubergine" not in str(state)
    assert "aubergine" not in model.chats[-1].prompt


@pytest.mark.parametrize("node", ["prefetch", "gap_filter"])
async def test_a_message_of_the_owners_own_is_answered_whoever_else_tried_to_have_it_answered(
    agent: Agent, model: ModelServer, node: str
) -> None:
    await cut_off(agent, THREAD, "The kayak is under the bridge.", node)
    listed = CONFIG | {"metadata": {"owner": "ion", "assistant_id": "goat"}}
    with pytest.raises(OwnerMismatch):
        await agent.graph.ainvoke(None, listed, context=TurnContext(owner="ion"), durability="sync")
    assert [state["turn"].message for state in await agent.resume()] == ["The kayak is under the bridge."]
    assert await agent.layers.episodes.count(owner=OWNER) == 1
    assert await agent.layers.episodes.count(owner="ion") == 0


async def test_an_archived_message_stays_in_the_chat_when_another_owner_forks_it(
    agent: Agent, model: ModelServer
) -> None:
    await agent.ask("The kayak is under the bridge.", owner=OWNER, thread=THREAD)
    step = await before(agent, "gap_filter")
    with pytest.raises(OwnerMismatch):
        await agent.graph.ainvoke(None, step.config, context=TurnContext(owner="ion"), durability="sync")
    assert await agent.resume() == []
    state = await agent.ask("And the paddle?", owner=OWNER, thread=THREAD)
    assert "The kayak is under the bridge." in [message.text for message in state["messages"]]


async def test_a_turn_that_fails_in_whatever_way_holds_up_no_other(
    agent: Agent, model: ModelServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    called = GapFilter.__call__

    async def broken(self: GapFilter, state: Any, runtime: Any) -> Any:
        if state["turn"].message == "Broken.":
            raise ZeroDivisionError
        return await called(self, state, runtime)

    monkeypatch.setattr(GapFilter, "__call__", broken)
    for text in ("One.", "Broken.", "Two."):
        await cut_off(agent, thread_id("test", text), text, "gap_filter")
    assert {state["turn"].message for state in await agent.resume()} == {"One.", "Two."}
    assert "ZeroDivisionError" in caplog.text


async def cut_off(agent: Agent, thread: str, text: str, node: str) -> None:
    """Begin a turn, and leave it before a node as a crash does."""
    message = user_message(text, turn_id=f"turn-{text}", owner=OWNER, at=datetime.now(UTC))
    config: Any = {"configurable": {"thread_id": thread}}
    begun: Any = {"messages": [message]}
    await agent.graph.ainvoke(
        begun, config, context=TurnContext(), interrupt_before=[node], durability="sync"
    )
