"""A conversation with the bot over npm's telegram-test-api, installed in .emulator."""

import asyncio
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr

import graph.layers
from bot.telegram.bot_context import BotContext
from bot.telegram.process.bot_process import Duty, open_bot, run_duty
from graph.app import open_agent
from memory.models import SUPERSEDED, Episode
from tests.agent_settings import settings_of
from tests.emulator.bot_api_front import BotApiFront
from tests.plugins import until
from tests.scripted import in_turn
from tests.servers.hash_embeddings import HashEmbeddings
from tests.servers.model import ModelServer, Reply
from tests.servers.redis import free_ports
from tests.servers.threaded import Running
from tests.telegram_bot import SECONDS

pytestmark = [pytest.mark.emulator, pytest.mark.asyncio(loop_scope="session")]

FOLDER = Path(__file__).parents[2] / ".emulator"
TOKEN = "666:" + "a" * 35
ANA, DATE = 1, 1_700_000_000
PERSON = {"id": ANA, "is_bot": False, "first_name": "Ana", "language_code": "en"}
CHAT = {"id": ANA, "type": "private", "first_name": "Ana"}
LACKING = {"setMyCommands", "sendChatAction", "sendMessageDraft", "sendPhoto", "sendDocument"}
START = """
const TelegramServer = require('telegram-test-api');
const server = new TelegramServer({{port: {port}, host: '127.0.0.1', storeTimeout: 3600}});
server.start().then(() => console.log('ready'));
"""


@dataclass(frozen=True, slots=True)
class Chat:
    """Ana's chat with the bot."""

    context: BotContext
    emulator: str
    front: BotApiFront

    async def call(self, method: str, **fields: Any) -> Any:
        async with httpx2.AsyncClient(timeout=SECONDS) as http:
            return (await http.post(f"{self.emulator}/{method}", json=fields)).json()["result"]

    async def history(self) -> list[dict[str, Any]]:
        """Return everything in the chat, oldest first."""
        found = await self.call("getUpdatesHistory", token=TOKEN)
        return sorted(found, key=lambda one: one["updateId"])

    async def answers(self) -> list[dict[str, Any]]:
        """Return the bot's messages, oldest first."""
        return [one for one in await self.history() if "chat_id" in one.get("message", {})]

    async def send(self, text: str, **fields: Any) -> int:
        """Send a message and return its id."""
        entities = [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}]
        given = {"entities": entities} if text.startswith("/") else {}
        now = {"botToken": TOKEN, "date": DATE}
        await self.call(
            "sendMessage", **now, **given, **{"from": PERSON, "chat": CHAT, "text": text}, **fields
        )
        sent = [
            one
            for one in await self.history()
            if one.get("message", {}).get("text") == text and "from" in one["message"]
        ]
        return int(sent[-1]["messageId"])

    async def ask(self, text: str, **fields: Any) -> str:
        """Send a message and return the bot's next one."""
        before = len(await self.answers())
        await self.send(text, **fields)
        await self.until(lambda answers: len(answers) > before)
        await self.idle()
        return str((await self.answers())[-1]["message"]["text"])

    async def press(self, number: int) -> None:
        """Press a button under the bot's last message."""
        last = (await self.answers())[-1]
        buttons = [one for row in last["message"]["reply_markup"]["inline_keyboard"] for one in row]
        shown = {"message_id": last["messageId"], "date": DATE, "chat": CHAT, "text": last["message"]["text"]}
        given = {"botToken": TOKEN, "from": PERSON, "data": buttons[number]["callback_data"]}
        await self.call("sendCallback", message=shown, **given)

    async def until(self, holds: Callable[[list[dict[str, Any]]], object]) -> None:
        async with asyncio.timeout(SECONDS):
            while not holds(await self.answers()):  # noqa: ASYNC110 - in another process
                await asyncio.sleep(0.05)

    async def idle(self) -> None:
        async with asyncio.timeout(SECONDS):
            while await self.context.lanes.waiting():  # noqa: ASYNC110 - in Redis
                await asyncio.sleep(0.05)

    async def live(self) -> list[tuple[str, str]]:
        """Return the turns that no other has replaced."""
        layers, owner = self.context.agent.layers, self.context.settings.owner
        kept: list[Episode] = [
            one async for one in layers.episodes.all(owner=owner) if SUPERSEDED not in one.tags
        ]
        return [(one.message, one.reply) for one in kept]


@contextmanager
def running_emulator() -> Iterator[str]:
    """Run the emulator and yield its address."""
    (port,) = free_ports(1)
    command = ["node", "-e", START.format(port=port)]
    with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready", "run `make test-emulator`, which installs it"
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chat(tmp_path_factory: pytest.TempPathFactory, _model_server: ModelServer) -> AsyncIterator[Chat]:
    folder = tmp_path_factory.mktemp("emulator") / "data"
    folder.mkdir(mode=0o700)
    stop = asyncio.Event()
    with running_emulator() as emulator, Running(BotApiFront(emulator)) as front:
        changes = {"telegram_token": SecretStr(TOKEN), "telegram_api": front.url, "telegram_me": ANA}
        settings = settings_of(folder, _model_server).model_copy(
            update={**changes, "telegram_admins": str(ANA)}
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings())
            async with open_agent(settings) as agent, open_bot(settings, agent) as (app, context):
                running = asyncio.create_task(run_duty(app, context, Duty.ALL, stop))
                yield Chat(context, emulator, front)
                stop.set()
                await running


async def test_a_conversation(chat: Chat, model: ModelServer) -> None:
    """One after the other, as a person would; the emulator's chat cannot be emptied."""
    model.reply(in_turn("Noted: two cats.", "Noted: three cats.", "Three cats it is.", "Hello."))
    asked = await chat.send("I have two cats")
    await chat.until(lambda answers: answers)
    await chat.idle()
    assert await chat.live() == [("I have two cats", "Noted: two cats.")]

    await chat.send("I have three cats", edits=asked)
    await chat.until(lambda answers: answers[-1]["message"]["text"] == "Noted: three cats.")
    await chat.idle()
    assert len(await chat.answers()) == 1, "the answer is edited, too"
    assert await chat.live() == [("I have three cats", "Noted: three cats.")]

    assert await chat.ask("/retry") == "Three cats it is."
    assert await chat.live() == [("I have three cats", "Three cats it is.")]
    assert "I searched for: I have three cats" in await chat.ask("/why")

    quoted = {"message_id": asked, "date": DATE, "chat": CHAT, "from": PERSON, "text": "I have three cats"}
    assert "I have three cats" in await chat.ask("/forget", reply_to_message=quoted)
    await chat.press(0)
    async with asyncio.timeout(SECONDS):
        while await chat.live():  # noqa: ASYNC110 - in the owner's file
            await asyncio.sleep(0.05)
    await chat.idle()

    rest = threading.Event()
    model.reply(Reply("Once upon a time", rest=rest))
    await chat.send("Tell me a story")
    await until(lambda: any("Tell me a story" in one.prompt for one in model.chats))
    assert "stop" in (await chat.ask("/stop")).lower()
    await chat.until(lambda answers: any("Once" in one["message"]["text"] for one in answers))
    await chat.idle()
    rest.set()
    ((message, reply),) = await chat.live()
    assert (message, reply.strip()) == ("Tell me a story", "Once")
    assert set(chat.front.missing) <= LACKING, "the emulator lacks these methods, and the bot went on"
