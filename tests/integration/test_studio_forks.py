"""The thread of a Telegram chat in LangGraph Studio: found there, gone on with, and gone back in."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient
from pydantic import SecretStr

from bot.telegram.place import Place
from graph.layers import Layers, open_layers
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from nodes.tools import EXPERIMENT
from tests.scripted import calling, in_turn
from tests.servers.model import ModelServer, running_model_server
from tests.servers.studio import StudioServer
from tests.servers.telegram import BotApi, running_bot_api
from tests.studio import Chat, conversation, kept, recalled, running_studio, shared_folder, written
from tests.telegram_bot import ANA, running_bot

OWNER = "me"
FACTS = (
    "My daughter Ioana is allergic to peanuts.",
    "We repainted the garage door in dark green.",
    "My car is a red Dacia from 2012.",
)
QUESTION = "What is Ioana allergic to?"
NOTHING = {"conversation": False, "episode": False, "experiment": True}

pytestmark = [pytest.mark.process, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with running_model_server() as running:
        yield running


@pytest.fixture(scope="module")
def api() -> Iterator[BotApi]:
    with running_bot_api() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Path:
    return shared_folder(tmp_path_factory.mktemp("studio"), model_folder)


@pytest.fixture(scope="module")
def server(folder: Path, model: ModelServer) -> Iterator[StudioServer]:
    with running_studio(folder, model, studio_shell="true") as running:
        yield running


@pytest.fixture(autouse=True)
def _as_before(model: ModelServer) -> None:
    model.reset()


@pytest.fixture
async def client(server: StudioServer) -> AsyncIterator[LangGraphClient]:
    async with server.client() as opened:
        yield opened


@pytest.fixture
def settings(folder: Path, model: ModelServer, api: BotApi) -> Settings:
    """Settings of a bot whose private chat with Ana has the memory of the terminal and Studio."""
    return Settings(
        data_folder=folder / "data",
        model="test",
        model_base_url=model.base_url,
        prefetch_timeout=30,
        telegram_token=SecretStr(api.token),
        telegram_api=api.url,
        telegram_admins=str(ANA),
        telegram_me=ANA,
        telegram_rate=0,
    )


@pytest.fixture
async def layers(settings: Settings) -> AsyncIterator[Layers]:
    async with open_layers(settings) as opened:
        yield opened


async def ask_in_telegram(settings: Settings, api: BotApi, *texts: str) -> str:
    """Have Ana say something to the bot; return the thread of her chat."""
    async with running_bot(settings, api) as bot:
        await bot.context.agent.layers.warm_up(OWNER)
        for text in texts:
            await bot.ask(ANA, text)
        return await bot.context.thread(Place(ANA))


@pytest.fixture
async def chat(settings: Settings, api: BotApi, client: LangGraphClient) -> Chat:
    """A conversation of Telegram in which a memory was recalled, as the server lists it by itself."""
    thread = await ask_in_telegram(settings, api, *FACTS, "/new", QUESTION)
    async with asyncio.timeout(100):
        while thread not in await listed(client):  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.1)
    return Chat(client, thread)


async def listed(client: LangGraphClient) -> list[str]:
    """Return the threads that Studio offers of an owner."""
    return [one["thread_id"] for one in await client.threads.search(metadata={"owner": OWNER}, limit=100)]


def story(state: Mapping[str, Any], node: str) -> str:
    (told,) = state["story"].values()
    return "\n".join(told[node])


async def test_a_past_turn_is_gone_back_to_at_three_nodes_and_nothing_is_written(
    chat: Chat, layers: Layers, model: ModelServer
) -> None:
    original = (await chat.state())["values"]
    assert recalled(original) == [FACTS[0]]
    places = {node: await chat.before(node) for node in ("prefetch", "gap_filter", "budget")}
    before, asked = await written(layers), len(model.chats)

    narrow = await chat.fork(places["prefetch"], stop="respond", prefetch_results=1)
    strict = await chat.fork(places["gap_filter"], stop="respond", gap_threshold=1.0)
    small = await chat.fork(places["budget"], stop="respond", budget_hard_cap=100, gap_threshold=0.9)
    assert len(model.chats) == asked

    assert len(narrow["decisions"]) < len(original["decisions"])
    assert narrow["turn"] == original["turn"] | {"experiment": True}
    assert original["turn"]["turn_id"] not in {one["turn_id"] for one in narrow["recall"]["candidates"]}
    assert (len(kept(original)), kept(strict)) == (1, [])
    assert "0 of " in story(strict, "gap_filter")
    assert small["allocation"]["recalled"] == []
    assert "no room" in story(small, "budget")
    rounds = original["thresholds"].pop("tool_rounds")  # of `respond`
    assert small["thresholds"] == original["thresholds"] | {"budget_hard_cap": 100}
    assert rounds == TurnContext().tool_rounds

    answered = await chat.fork(places["gap_filter"], gap_threshold=1.0)
    assert len(model.chats) == asked + 1
    assert answered["archived"] == NOTHING | {"turn_id": original["turn"]["turn_id"]}
    assert "nothing was written" in story(answered, "archive")
    assert await written(layers) == before


async def test_after_an_experiment_the_chat_goes_on_as_if_there_had_been_none(
    chat: Chat, settings: Settings, api: BotApi, layers: Layers, model: ModelServer
) -> None:
    original = (await chat.state())["values"]
    model.reply("Said in an experiment.")
    await chat.fork(await chat.before("budget"), budget_hard_cap=100)
    model.reset()
    count = await layers.episodes.count(owner=OWNER)
    assert await ask_in_telegram(settings, api, "And what colour is the garage door?") == chat.thread
    state = (await chat.state())["values"]
    assert state["conversation"]["turns"][0]["reply"] == original["reply"]["text"]
    assert "Said in an experiment." not in str(state["prompt"])
    assert state["archived"] == {
        "turn_id": state["turn"]["turn_id"],
        "conversation": True,
        "episode": True,
        "experiment": False,
    }
    assert await layers.episodes.count(owner=OWNER) == count + 1
    later = await chat.say("Thank you, that is all.")
    assert later["archived"]["episode"]
    assert conversation(later)[-1] == "And what colour is the garage door?"


async def test_an_experiment_runs_no_tool_that_changes_anything_and_asks_nobody(
    chat: Chat, layers: Layers, model: ModelServer
) -> None:
    before = await written(layers)
    calls = (
        calling("promote_memory", key="nuts", value="Ioana likes walnuts."),
        calling("shell_run", command="echo 47$((5 + 6))"),
        calling("search_memory", query="garage door"),
    )
    model.reply(in_turn(*calls, "That is it."))
    state = await chat.fork(await chat.before("budget"))
    outputs = {result["name"]: result["output"] for result in state["results"]}
    assert outputs["promote_memory"] == outputs["shell_run"] == EXPERIMENT
    assert "dark green" in outputs["search_memory"]
    assert state["reply"]["text"] == "That is it."
    assert await written(layers) == before
