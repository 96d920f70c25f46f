"""Tools in Telegram: shown while they run, asked about with buttons, their files sent."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from memory.models import Episode
from tests.disk import found
from tests.scripted import calling, in_turn
from tests.servers.model import ModelServer, Reply
from tests.servers.openai_format import ToolCall
from tests.servers.telegram import Message
from tests.telegram_bot import ANA, BOB, Bot, lasting_bot

pytestmark = pytest.mark.asyncio(loop_scope="session")

GROUP = -1001

DRAWING = """from langchain_core.tools import tool

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000000100000001080600000" "01f15c4890000000d49444154789c6360000002"
    "0001e5274de80000000049454e44ae426082"
)

def build(services):
    @tool(response_format="content_and_artifact")
    def draw() -> tuple[str, str]:
        \"\"\"Draw a picture.\"\"\"
        path = services.artifact("drawn.png")
        path.write_bytes(PNG)
        return "It is drawn.", str(path)

    return [draw]
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _lasting_tool_bot(
    tmp_path_factory: pytest.TempPathFactory, _model_server: ModelServer
) -> AsyncIterator[Bot]:
    plugins = tmp_path_factory.mktemp("plugins")
    (plugins / "drawing.py").write_text(DRAWING, encoding="utf-8")
    folder = tmp_path_factory.mktemp("tools")
    changes = {"telegram_me": BOB, "shell": True, "plugins_folder": plugins}
    async with lasting_bot(folder, _model_server, **changes) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def bot(_lasting_tool_bot: Bot, model: ModelServer) -> Bot:
    """A bot whose owner is Bob, with a shell and a plugin."""
    await _lasting_tool_bot.begin_anew()
    model.reset()
    for left in _lasting_tool_bot.context.settings.data_folder.rglob("here.txt"):
        left.unlink()
    return _lasting_tool_bot


async def question(
    bot: Bot, model: ModelServer, command: str = "echo 4711 > here.txt; cat here.txt"
) -> Message:
    model.reply(in_turn(calling("shell_run", command=command), "It says 4711."))
    bot.api.says(BOB, "Try it out, please.")
    return (await bot.answers(BOB))[-1]


async def turns(bot: Bot) -> list[Episode]:
    owner = bot.context.settings.owner
    return [episode async for episode in bot.context.agent.layers.episodes.all(owner=owner)]


async def test_a_command_runs_once_it_is_allowed(bot: Bot, model: ModelServer) -> None:
    asked = await question(bot, model)
    assert "shell_run" in asked.text
    assert "command: echo 4711 > here.txt; cat here.txt" in asked.text
    assert not await turns(bot)
    bot.api.presses(BOB, asked.message_id, "✅ Allow")
    answers = await bot.answers(BOB, 2)
    assert "Allowed: shell_run" in answers[0].text
    assert "echo 4711 > here.txt" in answers[0].text
    assert answers[-1].text == "It says 4711."
    assert "4711" in model.chats[-1].prompt
    assert len(await turns(bot)) == 1
    bot.api.presses(BOB, asked.message_id, "✅ Allow", forged=True)
    await bot.idle()
    assert len(bot.api.answers(BOB)) == 2


async def test_a_command_that_is_not_allowed_is_not_run(bot: Bot, model: ModelServer) -> None:
    asked = await question(bot, model)
    bot.api.presses(BOB, asked.message_id, "✖️ Don't")
    await bot.answers(BOB, 2)
    assert "did not allow it" in model.chats[-1].prompt
    assert not list(bot.context.settings.data_folder.rglob("here.txt"))


@pytest.mark.parametrize("word", ["/forget", "/forget everything"])
async def test_a_command_that_was_asked_about_is_forgotten(bot: Bot, model: ModelServer, word: str) -> None:
    asked = await question(bot, model, "echo xylophonic")
    bot.api.presses(BOB, asked.message_id, "✅ Allow")
    answers = await bot.answers(BOB, 2)
    model.reply("Noted.")
    await bot.ask(BOB, word, reply_to=answers[-1].message_id)
    bot.api.presses(BOB, bot.api.answers(BOB)[-1].message_id, "Yes, forget")
    await bot.idle()
    assert found(bot.context.settings.data_folder, "xylophonic") == {}


@pytest.mark.parametrize("shown", [True, False])
async def test_a_fact_that_is_forgotten_closes_only_the_questions_of_turns_that_show_it(
    bot: Bot, model: ModelServer, *, shown: bool
) -> None:
    told = "/remember boat: Merganser, berth 12"
    if shown:
        await bot.ask(BOB, told)
    asked = await question(bot, model)
    if not shown:
        await bot.ask(BOB, told)
    await bot.ask(BOB, "/forget boat")
    bot.api.presses(BOB, bot.api.answers(BOB)[-1].message_id, "Yes, forget")
    await bot.idle()
    redis = await bot.context.agent.layers.redis.client()
    assert bool(await redis.keys(bot.context.keys("tool", "*"))) is not shown
    bot.api.presses(BOB, asked.message_id, "✅ Allow")
    await bot.idle()
    assert bool(list(bot.context.settings.data_folder.rglob("here.txt"))) is not shown


async def test_who_goes_on_has_not_allowed_it(bot: Bot, model: ModelServer) -> None:
    asked = await question(bot, model)
    model.reply("Good morning to you.")
    assert await bot.ask(BOB, "Good morning") == "Good morning to you."
    bot.api.presses(BOB, asked.message_id, "✅ Allow")
    await bot.idle()
    assert not list(bot.context.settings.data_folder.rglob("here.txt"))
    assert len(await turns(bot)) == 2


async def test_only_the_owner_is_offered_the_shell(bot: Bot, model: ModelServer) -> None:
    model.reply(in_turn(calling("shell_run", command="id"), "Sorry."))
    assert await bot.ask(ANA, "Run id.") == "Sorry."
    assert "There is no tool 'shell_run'" in model.chats[-1].prompt


async def test_only_who_was_asked_answers_in_a_group(bot: Bot, model: ModelServer) -> None:
    await bot.context.access.allow_group(GROUP)
    order = Reply("", (ToolCall("set_identity", {"text": "You are Rex."}),))
    model.reply(in_turn(order, "Rex it is."))
    bot.api.says(GROUP, "@goat_test_bot be Rex, please.", user_id=BOB)
    asked = (await bot.answers(GROUP))[-1]
    bot.api.presses(GROUP, asked.message_id, "✅ Allow", user_id=ANA)
    await bot.idle()
    permanent, owner = bot.context.agent.layers.permanent, f"telegram-group-{abs(GROUP)}"
    assert "Rex" not in (await permanent.identity(owner=owner) or "")
    bot.api.presses(GROUP, asked.message_id, "✅ Allow", user_id=BOB)
    assert (await bot.answers(GROUP, 2))[-1].text == "Rex it is."
    assert "Rex" in (await permanent.identity(owner=owner) or "")


async def test_nothing_of_a_command_is_hidden_from_who_allows_it(bot: Bot, model: ModelServer) -> None:
    asked = await question(bot, model, "ls `x` ```\n\u202erm -rf ~\u202c\u200b # " + "a" * 5000)
    shown = "".join(message.text for message in bot.api.answers(BOB))
    assert "\\u202erm -rf ~\\u202c\\u200b" in shown
    assert shown.count("a" * 1000) >= 4
    assert asked.text


async def test_a_file_that_a_tool_makes_is_sent(bot: Bot, model: ModelServer) -> None:
    model.reply(in_turn(calling("draw"), "Here it is."))
    bot.api.says(BOB, "Draw.")
    answers = await bot.answers(BOB, 2)
    assert answers[0].text == "Here it is."
    assert answers[1].kind == "photo"
    assert answers[1].file_name.endswith("drawn.png")
