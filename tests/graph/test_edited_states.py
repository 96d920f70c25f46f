"""What is written into a thread from outside, as LangGraph Studio lets people do: it harms no other turn."""

from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from pydantic import TypeAdapter

from graph.agent import Agent
from graph.context import TurnContext
from graph.state import Recall, Turn
from graph.turn import thread_id
from memory.errors import BadState, OwnerMismatch
from tests.servers.model import ModelServer

OWNER = "ana"
THREAD = thread_id("test", "edited states")
CONFIG: Any = {"configurable": {"thread_id": THREAD}}

pytestmark = pytest.mark.usefixtures("hash_vectors")


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


@pytest.mark.parametrize(
    ("edited", "told"),
    [
        ({"turn": {"message": "m"}}, "turn.turn_id"),
        ({"turn": None}, "turn"),
        ({"recall": "something"}, "recall"),
        ({"recall": {"candidates": [{"turn_id": 1}]}}, r"recall.candidates.0.turn_id"),
        ({"unused": ["something"]}, "unused.0"),
    ],
)
async def test_what_cannot_stand_there_is_refused_and_the_thread_goes_on(
    agent: Agent, model: ModelServer, edited: dict[str, Any], told: str
) -> None:
    await agent.ask("The kayak is under the bridge.", owner=OWNER, thread=THREAD)
    step = await before(agent, "gap_filter")
    with pytest.raises(BadState, match=told):
        await agent.graph.aupdate_state(step.config, edited, as_node="working")
    assert await agent.resume() == []
    assert (await agent.ask("And the paddle?", owner=OWNER, thread=THREAD))["reply"].text


async def test_what_another_owner_asked_in_a_thread_is_withdrawn_not_answered(
    agent: Agent, model: ModelServer
) -> None:
    """A LangGraph server notes the thread's owner, where it is listed, as that of each of its runs."""
    await agent.ask("The kayak is under the bridge.", owner=OWNER, thread=THREAD)
    listed = CONFIG | {"metadata": {"owner": OWNER, "assistant_id": "goat"}}
    asked: Any = {"messages": [HumanMessage("My PIN is 4711.")]}
    with pytest.raises(OwnerMismatch):
        await agent.graph.ainvoke(asked, listed, context=TurnContext(owner="ion"), durability="sync")
    assert await agent.resume() == []
    assert await agent.layers.episodes.count(owner=OWNER) == 1
    state = await agent.ask("Where is it?", owner=OWNER, thread=THREAD)
    assert "4711" not in str(state)
    assert "4711" not in model.chats[-1].prompt
