"""`prefetch` in steps, as Studio shows it: what it finds is what the node finds, and its deadline holds."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig

from graph.builder import build_graph
from graph.runtime.agent import Agent
from graph.runtime.graph_runs import Compiled
from graph.settings.context import Experiment, TurnContext
from graph.state.circumstances import Circumstances, thread_id, user_message
from graph.state.turn_state import Recall
from graph.studio.mechanism_steps import RANK, in_mechanisms
from memory.errors import EmptyMessage
from memory.models import Mechanism, SearchStatus

pytestmark = pytest.mark.asyncio(loop_scope="session")
SAID = ("The boiler is model ABC-123.", "We painted the garage green.", "My car is a red Dacia.")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MORNING = Circumstances(at=NOON.replace(hour=9))
READ_ONLY = TurnContext(owner="ana", experiment=Experiment.ON, prefetch_timeout=30)


@pytest.fixture
def stepped(agent: Agent) -> Compiled:
    return build_graph(agent.layers, in_steps=in_mechanisms).compile()


async def run(graph: Compiled, asked: HumanMessage, context: TurnContext) -> tuple[dict[str, str], Recall]:
    """Run a turn; return what each step of the subgraph said, and the turn's recall."""
    said: dict[str, str] = {}
    config: RunnableConfig = {"configurable": {"thread_id": asked.text}}
    updates: Any = graph.astream(
        {"messages": [asked]}, config, context=context, stream_mode="updates", subgraphs=True
    )
    async for place, update in updates:
        for node, values in update.items():
            if place:
                said[node] = values.get(node, "")
            elif node == "prefetch":
                recall: Recall = values["recall"]
    return said, recall


def message(text: str) -> HumanMessage:
    return user_message(text, turn_id="asked", owner="ana", at=NOON)


def untimed(recall: Recall) -> Recall:
    reports = {name: replace(report, milliseconds=0) for name, report in recall.reports.items()}
    return replace(recall, reports=reports, asked_at=None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("What is ABC-123?", {Mechanism.KEY: "1 found."}),
        ("What did I say today about the garage?", {Mechanism.TEMPORAL: "3 found."}),
        ("Which colour is my car?", {Mechanism.KEY: "Not searched, the message has no identifier."}),
    ],
)
async def test_each_mechanism_says_what_it_found_and_they_find_what_the_node_finds(
    agent: Agent, stepped: Compiled, text: str, said: dict[Mechanism, str]
) -> None:
    for fact in SAID:
        await agent.ask(fact, owner="ana", thread=thread_id("terminal", "ana", "told"), about=MORNING)
    await agent.layers.episodes.index(owner="ana")
    asked = message(text)
    _, found = await run(build_graph(agent.layers).compile(), asked, READ_ONLY)
    steps, found_in_steps = await run(stepped, asked, READ_ONLY)
    assert found.candidates
    assert untimed(found_in_steps) == untimed(found)
    assert steps.keys() == {*Mechanism, RANK}
    assert "found by words, " in steps[Mechanism.THEMATIC]
    assert {mechanism: steps[mechanism] for mechanism in said} == said


async def test_a_search_that_hangs_ends_all_steps_at_the_deadline(
    agent: Agent, stepped: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    await agent.ask(SAID[0], owner="ana", thread=thread_id("terminal", "ana", "told"))
    monkeypatch.setattr(type(agent.layers.episodes), "search", hang)
    short = READ_ONLY.model_copy(update={"prefetch_timeout": 0.05})
    steps, found = await run(stepped, message("Which model is the boiler?"), short)
    assert found.reports[Mechanism.THEMATIC].status is SearchStatus.LATE
    assert steps[Mechanism.THEMATIC] == f"Not searched by itself: see {RANK}."


async def test_a_message_that_is_refused_is_reported_once(stepped: Compiled) -> None:
    loop, reported = asyncio.get_running_loop(), list[object]()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    try:
        with pytest.raises(EmptyMessage):
            await run(stepped, message(" "), READ_ONLY)
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(None)
    assert reported == []
