"""LangChain's agent-chat-ui in a real Chromium: it runs, streams, stops, approves, forks and resumes."""

from collections.abc import AsyncIterator

import pytest

from graph.runtime.agent import Agent
from tests.clients.agent_chat import AgentChat, open_chat
from tests.scripted import calling, in_turn
from tests.servers.model import ModelServer, Reply
from tests.servers.openai_format import ToolCall
from tests.servers.studio import StudioServer
from tests.studio import replies

pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]
MORE_THAN_KEPT = 7
"""Turns that have more steps than a thread keeps."""


@pytest.fixture
async def chat(chat_page: str, server: StudioServer, model: ModelServer) -> AsyncIterator[AgentChat]:
    async with open_chat(chat_page, server) as opened:
        yield opened
    model.reset()


async def test_a_reply_streams_once_and_is_archived(
    chat: AgentChat, model: ModelServer, agent: Agent
) -> None:
    model.reply("Leeks and basil.")
    model.hold_before = "basil"
    await chat.begin("What shall I plant?")
    await chat.shown("Leeks and").wait_for()
    assert await chat.shown("Leeks and").count() == 1
    model.hold_before = ""
    await chat.ended()
    assert await chat.shown("Leeks and basil.").count() == 1
    assert "You are" not in await chat.text()
    assert await replies(agent, "What shall I plant?") == ["Leeks and basil."]


async def test_of_a_stopped_reply_what_was_written_is_kept(
    chat: AgentChat, model: ModelServer, agent: Agent
) -> None:
    model.reply("One two three.")
    model.hold_before = "three"
    await chat.begin("Count slowly.")
    await chat.shown("One two").wait_for()
    await chat.press("Cancel")
    assert await chat.shown("One two").count() == 1
    model.reset()
    model.reply("I go on.")
    await chat.say("Go on, please.")
    await chat.shown("I go on.").wait_for()
    assert await replies(agent, "Count slowly.") == ["One two"]


@pytest.mark.parametrize(
    ("button", "output"),
    [
        ("Accept", "It is lit in the hall."),
        ("Ignore", "Not run: the person did not allow it."),
        ("Send Response", "Not run: the person did not allow it. They said: It is late."),
    ],
)
async def test_a_call_is_approved_or_refused_by_a_button(
    chat: AgentChat, model: ModelServer, button: str, output: str
) -> None:
    model.reply(in_turn(calling("switch_lamp", room="hall"), "That is it."))
    await chat.say("Switch it on, please.")
    if button == "Send Response":
        await chat.page.get_by_placeholder("Your response here").fill("It is late.")
    await chat.press(button)
    await chat.shown("That is it.").wait_for()
    assert output in await chat.text()


async def test_a_call_that_waits_is_approved_after_the_page_is_opened_again(
    chat: AgentChat, model: ModelServer, agent: Agent
) -> None:
    model.reply(in_turn(calling("switch_lamp", room="attic"), "Lit, as you said."))
    await chat.say("Switch on the attic, please.")
    await chat.page.reload()
    await chat.press("Accept")
    await chat.shown("Lit, as you said.").wait_for()
    assert await replies(agent, "Switch on the attic, please.") == ["Lit, as you said."]


async def test_a_question_names_the_other_calls_that_its_answer_counts_for(
    chat: AgentChat, model: ModelServer
) -> None:
    rooms = [ToolCall("switch_lamp", {"room": room}, room) for room in ("hall", "attic")]
    model.reply(in_turn(Reply("", tuple(rooms)), "Both are lit."))
    await chat.say("Switch on both, please.")
    assert await chat.shown('switch_lamp {"room": "hall"}').count() == 1
    await chat.press("Accept")
    await chat.shown("Both are lit.").wait_for()
    assert "It is lit in the hall." in await chat.text()


async def test_an_edited_message_is_another_branch_and_a_reply_asked_again_an_experiment(
    chat: AgentChat, model: ModelServer, agent: Agent
) -> None:
    model.reply("I heard the first.")
    await chat.say("Paint it green.")
    model.reply("I heard the second.")
    await chat.edit("Paint it green.", "Paint it blue.")
    await chat.shown("I heard the second.").wait_for()
    assert await replies(agent, "Paint it blue.") == ["I heard the second."]
    await chat.press_icon("chevron-left", "Paint it blue.")
    await chat.shown("I heard the first.").wait_for()
    model.reply("I heard it again.")
    await chat.press_icon("refresh-ccw", "I heard the first.")
    await chat.shown("I heard it again.").wait_for()
    assert await replies(agent, "Paint it green.") == ["I heard the first."]


async def test_a_thread_whose_first_steps_are_gone_is_shown(chat: AgentChat, model: ModelServer) -> None:
    for number in range(MORE_THAN_KEPT):
        model.reply(f"Reply {number}.")
        await chat.say(f"Message {number}.")
    await chat.page.reload()
    for number in range(MORE_THAN_KEPT):
        await chat.shown(f"Reply {number}.").wait_for()
