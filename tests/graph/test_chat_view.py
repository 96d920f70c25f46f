"""What a chat on a LangGraph server shows: the messages of a thread, and those that stream."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from graph.runtime.agent import Agent
from graph.settings.context import TurnContext
from graph.state.circumstances import thread_id
from graph.state.reducers import MESSAGES_KEPT, keep_latest
from tests.scripted import calling, in_turn
from tests.servers.model import ModelServer

OWNER = "ana"
THREAD = thread_id("test", "chat view")

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def streamed(agent: Agent, text: str) -> dict[str, str]:
    """Run a turn as a server does; return the text that a chat collects by message id."""
    config: Any = {"configurable": {"thread_id": THREAD}}
    heard: dict[str, str] = {}
    parts: Any = agent.graph.astream(
        {"messages": [HumanMessage(text, id="m")]},
        config,
        context=TurnContext(owner=OWNER),
        stream_mode="messages",
        durability="sync",
    )
    async for message, _ in parts:
        heard[message.id] = heard.get(message.id, "") + message.text
    return heard


async def test_a_chat_sees_the_reply_stream_once_and_nothing_of_the_prompt(
    agent: Agent, model: ModelServer
) -> None:
    model.reply("Leeks and basil.")
    await agent.ask("I planted leeks.", owner=OWNER, thread=THREAD)
    heard = await streamed(agent, "What did I plant?")
    assert heard == {"reply-m": "Leeks and basil."}
    state = await agent.last_turn(THREAD)
    assert state
    assert (state["messages"][-1].id, state["messages"][-1].text) == ("reply-m", "Leeks and basil.")


async def test_a_chat_sees_each_call_its_result_and_the_corrected_reply(
    agent: Agent, model: ModelServer
) -> None:
    calls = calling("read_page", text="I look.", name="x"), "It costs 77 euros.", "It is on the page."
    model.reply(in_turn(*calls))
    heard = await streamed(agent, "What does the page say?")
    (read,) = [one for one in heard if one.startswith("result-")]
    page = "Nothing new. See https://example.com/more for more."
    assert heard == {"reply-m": "I look.", read: page, "reply-m-1": "It costs 77 euros."}
    state = await agent.last_turn(THREAD)
    assert state
    asked, request, result, reply = state["messages"]
    assert isinstance(request, AIMessage)
    assert isinstance(result, ToolMessage)
    assert [call["name"] for call in request.tool_calls] == ["read_page"]
    assert result.tool_call_id == request.tool_calls[0]["id"]
    assert (asked.id, request.id, result.text, reply.id) == ("m", "reply-m", page, "reply-m-1")
    assert reply.text == "It is on the page."


async def test_a_chat_keeps_the_turns_message_however_many_calls_follow() -> None:
    ask: Any = HumanMessage("Go.", id="now")
    request: Any = AIMessage("", id="reply-now", tool_calls=[{"id": "c", "name": "t", "args": {}}])
    results: list[Any] = [ToolMessage("ok", tool_call_id="c", id=str(n)) for n in range(MESSAGES_KEPT + 5)]
    kept = keep_latest([HumanMessage("Before.", id="before"), ask, request], results)
    assert kept == [ask, request, *results]
    later: Any = HumanMessage("Thanks.", id="later")
    assert keep_latest(kept, [later]) == [later]  # no result without its request
    assert keep_latest([], results) == []  # an edit in Studio
