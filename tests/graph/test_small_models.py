"""A model with a small context window answers: what does not fit is cut by rule, and named."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from langchain_core.messages import HumanMessage
from langgraph.runtime import Runtime
from rich.console import Console

import graph.layers
from bot.presentation import turn_screen as screen
from graph.app import open_agent
from graph.delegation.job import Status
from graph.exchange import Fitting
from graph.model.model_call import ModelCall
from graph.model.model_servers import ServerWindow, fetch_window
from graph.model.openai_chat import OpenAICompatible
from graph.model.tool_rounds import after_respond, fitting_of
from graph.runtime.agent import Agent
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.state.circumstances import Circumstances, thread_id
from graph.state.turn_state import State
from memory.models import ConversationTurn, Episode, Outcome
from memory.provenance import Carrier, Part
from nodes.respond import Respond
from tests.scripted import calling
from tests.servers.faults import Fault
from tests.servers.hash_embeddings import HashEmbeddings
from tests.servers.model import ModelRequest, ModelServer, Reply
from tests.servers.openai_format import tokens_of
from tests.team import Team, delegated, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWNER = "ana"
THREAD = thread_id("test", OWNER, "small")
LONG = "Basil, thyme and rosemary grow in the garden behind the house, " * 12
OLD = datetime(2026, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_module_agent(
    tmp_path_factory: pytest.TempPathFactory, _model_server: ModelServer
) -> AsyncIterator[Callable[[], Awaitable[Agent]]]:
    """Open agents whose model is the server of the tests, with hashed words for vectors."""
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings(part=2000))

        async def opened() -> Agent:
            settings = Settings(
                data_folder=tmp_path_factory.mktemp("small"),
                model="test",
                model_base_url=_model_server.base_url,
                timezone="UTC",
                gap_threshold=0,
                gap_break=100,
                model_timeout=60,
                prefetch_timeout=30,
            )
            return await stack.enter_async_context(open_agent(settings))

        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def remembering(open_module_agent: Callable[[], Awaitable[Agent]]) -> Agent:
    """An agent that remembers forty long episodes, thirty turns of the conversation and a fact."""
    agent = await open_module_agent()
    layers = agent.layers
    for number in range(40):
        at = OLD + timedelta(days=number)
        plants = "".join(f"plant{number}{letter} grows, " for letter in "abcdefghijklmnopqrstuvwxyz")
        await layers.episodes.append(
            Episode(turn_id=f"e{number}", owner=OWNER, thread="old", message=plants, reply=LONG, at=at)
        )
    for number in range(30):
        words = f"Garden note {number}: {LONG}"
        past = ConversationTurn(turn_id=f"c{number}", message=words, reply="Yes.", at=OLD, tokens=180)
        await layers.conversations.append(past, owner=OWNER, thread=THREAD)
    await layers.reconcile()
    await layers.permanent.upsert("garden", "behind the house", owner=OWNER, at=OLD)
    return agent


@pytest.fixture
def agent(remembering: Agent, model: ModelServer) -> Agent:
    """That agent, whose model takes 4,096 tokens and tells so as vLLM does."""
    model.context = 4096
    model.pages["/v1/models"] = {"data": [{"id": "test", "max_model_len": 4096}]}
    return remembering


async def ask(agent: Agent, text: str, thread: str = "", quote: str = "") -> State:
    return await agent.ask(
        text,
        owner=OWNER,
        thread=thread or thread_id("test", text[:40]),
        about=Circumstances(parts=[Part(text=quote, carrier=Carrier.QUOTED)] if quote else ()),
    )


def why(state: State) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(screen.why(state, UTC))
    return " ".join(captured.get().split())


async def test_all_that_is_remembered_is_cut_to_a_window_that_the_server_tells(
    agent: Agent, model: ModelServer
) -> None:
    state = await ask(agent, "Where do plant3a, plant4b, plant5c and plant6d grow?", THREAD)
    assert state["reply"].outcome is Outcome.ANSWERED
    (chat,) = model.chats
    offered = [tool["function"]["name"] for tool in chat.body["tools"]]
    assert "search_memory" in offered
    assert 4 <= len(offered) < len(await agent.layers.toolbox.tools_for(state["turn"]))
    assert 1024 <= chat.body["max_tokens"] < 2048
    assert state["allocation"].recalled, why(state)
    assert state["allocation"].conversation
    said = why(state)
    assert "The model holds 4,096 tokens" in said
    assert "No room for these tools: " in said
    assert "get_memory_metrics" in said
    story = "\n".join(state["story"][state["turn"].turn_id]["budget"])
    assert "The model holds 4,096 tokens" in story
    await agent.layers.recorder.flush()
    observed = await agent.layers.observations.get(state["turn"].turn_id, owner=OWNER)
    assert observed is not None
    assert observed.shares.space is not None
    assert observed.shares.space.memory == state["allocation"].total


async def test_a_short_message_leaves_what_it_replies_to_whole(agent: Agent) -> None:
    state = await ask(agent, "Why?", quote=LONG)
    assert LONG in str(state["prompt"][-1].content)
    assert "shown in part" not in why(state)


async def test_the_message_is_cut_last_and_archived_whole(agent: Agent, model: ModelServer) -> None:
    text = "Sum this up: " + LONG * 40
    state = await ask(agent, text, THREAD, quote=LONG * 20)
    assert state["reply"].outcome is Outcome.ANSWERED
    (chat,) = model.chats
    assert "tools" not in chat.body
    assert len(chat.messages) == 2
    assert tokens_of(chat) > 2000, "the room is used"
    assert "The message is shown in part" in why(state)
    (episode,) = await agent.layers.episodes.recent(owner=OWNER, limit=1)
    assert episode.message == text


async def test_outputs_of_tools_share_the_window(agent: Agent, model: ModelServer) -> None:
    rounds = iter(range(100))

    def searches(request: ModelRequest) -> Reply:
        if "tools" not in request.body:
            return Reply("Basil, behind the house.")
        return calling("search_memory", query=f"plant{next(rounds)}a", text="I look.")

    model.reply(searches)
    state = await ask(agent, "What grows where, all of it?")
    assert state["reply"].text == "Basil, behind the house."
    assert state["results"]
    assert all(result.ok for result in state["results"])
    assert "plant" in model.chats[-1].messages[-2]["content"], "the model sees some of it"
    assert len(model.chats) == len(state["exchange"].rounds) + 1, "no request was refused"
    assert "Tool results were shortened" in why(state)


async def test_delegated_work_fits_as_well(agent: Agent, model: ModelServer) -> None:
    model.reply(Team({"researcher": LONG * 20, "coder": LONG * 20}))
    job = await until(agent, await delegated(agent), seconds=60)
    assert job.status is Status.DONE
    sizes = [tokens_of(chat) for chat in model.chats]
    assert 2000 < max(sizes) < 4096


async def test_a_turn_that_is_stopped_while_its_prompt_is_cut_ends(agent: Agent) -> None:
    layers = agent.layers
    ask_model = ModelCall(layers.model, layers.stops, layers.settings.model_timeout, layers.window)
    state = await ask(agent, "Begin.")
    turn_id = state["turn"].turn_id
    refused: State = {**state, "fitting": Fitting(turn_id=turn_id, refused=1, again=True)}
    assert await after_respond(refused) == "budget"
    with layers.stops.accept(turn_id):
        layers.stops.request(turn_id)
        respond = Respond(ask_model, layers.toolbox, layers.zone)
        update = await respond(refused, Runtime(context=TurnContext()))
    assert await after_respond({**refused, "fitting": update["fitting"]}) == "archive"


async def test_a_window_that_nobody_tells_is_learnt_from_refusals(
    open_module_agent: Callable[[], Awaitable[Agent]], model: ModelServer
) -> None:
    model.context = 2048
    agent = await open_module_agent()
    state = await ask(agent, "Hello.")
    assert state["reply"].outcome is Outcome.ANSWERED
    assert len(model.chats) == 1 + fitting_of(state).refused > 1
    assert "refused the prompt as too long" in why(state)
    before = len(model.chats)
    state = await ask(agent, "And the rosemary?")
    assert state["reply"].outcome is Outcome.ANSWERED
    assert len(model.chats) == before + 1, "it is learnt once"
    assert fitting_of(state).refused == 0
    model.context = 100
    state = await ask(agent, "Still there?")
    assert state["reply"].outcome is Outcome.FAILED
    assert "larger one (llama.cpp: -c" in state["reply"].problem
    assert len(model.chats) < before + 8


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        ({}, ServerWindow()),
        (
            {
                "/v1/models": {
                    "data": [{"id": "x", "max_model_len": 1}, {"id": "test", "max_model_len": 9000}]
                }
            },
            9000,
        ),
        (
            {
                "/v1/models": {
                    "data": [
                        {"id": "test", "context_length": 90_000, "top_provider": {"context_length": 8000}}
                    ]
                }
            },
            8000,
        ),
        ({"/props": {"default_generation_settings": {"n_ctx": 4096}}}, 4096),
        ({"/api/v0/models": {"data": [{"id": "test", "loaded_context_length": 5000}]}}, 5000),
        (
            {"/api/v0/models": {"data": [{"id": "test", "max_context_length": 99_000}]}},
            ServerWindow(final=False),
        ),
        ({"/api/ps": {"models": [{"name": "test:latest", "context_length": 8192}]}}, 8192),
        ({"/api/ps": {"models": []}, "/api/show": {"parameters": "top_k 3\nnum_ctx    16384"}}, 16_384),
        (
            {"/api/ps": {"models": []}, "/api/show": {"model_info": {"llama.context_length": 131_072}}},
            ServerWindow(tokens=4096, final=False),
        ),
        ({"/v1/models": {"data": "nonsense"}, "/props": [1], "/api/ps": {"models": {}}}, ServerWindow()),
        ({"/v1/models": {"data": [{"id": ["test"], "aliases": 5}, {}]}}, ServerWindow()),
    ],
)
async def test_servers_tell_what_they_hold(
    model: ModelServer, pages: dict[str, object], told: ServerWindow | int
) -> None:
    model.pages.update(pages)
    expected = ServerWindow(tokens=told) if isinstance(told, int) else told
    assert await fetch_window(model.base_url, "test") == expected


async def test_a_server_that_is_not_there_yet_is_asked_again() -> None:
    assert await fetch_window("http://127.0.0.1:9/v1", "test") == ServerWindow(final=False)


async def test_a_reply_is_capped_by_the_name_that_the_endpoint_knows(
    settings: Settings, model: ModelServer
) -> None:
    told = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    model.faults.append(Fault.status(400, said=told))
    asked = OpenAICompatible(settings)
    for _ in range(2):
        assert [chunk async for chunk in asked.stream([HumanMessage("hello")], (), None, "")]
    await asked.aclose()
    caps = [[name for name in chat.body if "tokens" in name] for chat in model.chats]
    assert caps == [["max_tokens"], ["max_completion_tokens"], ["max_completion_tokens"]]


async def test_a_model_is_asked_by_the_chat_completions_api_whatever_its_name(
    settings: Settings, model: ModelServer
) -> None:
    asked = OpenAICompatible(settings.model_copy(update={"model": "gpt-5-codex"}))
    chunks = [chunk async for chunk in asked.stream([HumanMessage("hello")], (), None, "")]
    await asked.aclose()
    assert "".join(str(chunk.content) for chunk in chunks) == "I see 1 messages. Last: hello"
    assert [request.path for request in model.requests] == ["/v1/chat/completions"]
