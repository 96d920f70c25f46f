"""The bot as people see it, in private chats."""

import pytest

from bot.telegram.turns.turn_handler import TurnHandler
from tests.servers.model import ModelServer
from tests.telegram_bot import ANA, BOB, Bot

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_message_is_answered(bot: Bot, model: ModelServer) -> None:
    model.reply("Hello **Ana**")
    assert await bot.ask(ANA, "hi there") == "Hello Ana"
    (answer,) = bot.api.answers(ANA)
    assert [entity["type"] for entity in answer.entities] == ["bold"]


async def test_memory_carries_over_a_new_thread(bot: Bot, model: ModelServer) -> None:
    model.reply("noted")
    await bot.ask(BOB, "Ticket ROSI-421 stands in the cellar")
    assert "new conversation" in await bot.ask(BOB, "/new")
    await bot.ask(BOB, "Where does ROSI-421 stand?")
    assert "cellar" in model.chats[-1].prompt
    await bot.ask(BOB, "/why")
    *_, why, picture = bot.api.answers(BOB)
    assert "ROSI-421 stands in the cellar" in why.text
    assert picture.content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("text", "told"),
    [("hello xyzzy", "could not answer this message"), ("! xyzzy", "kept nothing of your message")],
)
async def test_what_always_fails_is_given_up_and_told_and_the_chat_goes_on(
    bot: Bot, model: ModelServer, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError("it always fails")

    model.reply("here")
    with monkeypatch.context() as patch:
        patch.setattr("bot.telegram.process.workers.MOST_TRIES", 2)
        patch.setattr(TurnHandler, "_respond", fail)
        assert told in await bot.ask(BOB, text)
    assert await bot.ask(BOB, "and now?") == "here"
    (dead,) = await bot.context.lanes.dead()
    assert (dead["reason"], dead["tries"]) == ("ZeroDivisionError: it always fails", 2)
    assert ("xyzzy" in dead["update"]) == (not text.startswith("!"))
