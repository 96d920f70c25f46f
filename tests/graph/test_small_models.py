"""A model with a small context window answers: what does not fit is cut by rule, and named."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from langgraph.runtime import Runtime
from rich.console import Console

from bot import screen
from graph.agent import Agent
from graph.app import open_agent
from graph.context import TurnContext
from graph.delegation.job import Status
from graph.model_call import ModelCall
from graph.model_servers import Told, ask_window
from graph.rounds import after_respond, fitting_of
from graph.settings import Settings
from graph.state import Fitting, State
from graph.turn import Circumstances, thread_id
from memory.models import ConversationTurn, Episode, Outcome
from nodes.respond import Respond
from tests.scripted import calling
from tests.servers.model import ModelRequest, ModelServer, Reply
from tests.servers.openai_format import tokens_of
from tests.team import Team, delegated, until

OWNER = "ana"
THREAD = thread_id("test", OWNER, "small")
LONG = "Basil, thyme and rosemary grow in the garden behind the house, " * 12
QUESTION = "Where do plant3a, plant4b, plant5c and plant6d grow?"
OLD = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def agent(settings: Settings, hash_vectors: None) -> AsyncIterator[Agent]:
    """An agent that remembers forty long episodes, thirty turns of the conversation and a fact."""
    change = {"gap_threshold": 0.0, "gap_break": 100.0, "model_timeout": 60.0, "prefetch_timeout": 30.0}
    async with open_agent(settings.model_copy(update=change)) as opened:
        layers = opened.layers
        await layers.model.ready()
        for number in range(40):
            at = OLD + timedelta(days=number)
            words = f"Garden note {number}: {LONG}"
            plants = "".join(f"plant{number}{letter} grows, " for letter in "abcdefghijklmnopqrstuvwxyz")
            await layers.episodes.append(
                Episode(turn_id=f"e{number}", owner=OWNER, thread="old", message=plants, reply=LONG, at=at)
            )
            if number < 30:
                past = ConversationTurn(turn_id=f"c{number}", message=words, reply="Yes.", at=at, tokens=180)
                await layers.conversations.append(past, owner=OWNER, thread=THREAD)
        await layers.reconcile()
        await layers.permanent.upsert("garden", "behind the house", owner=OWNER, at=OLD)
        yield opened


def tells(model: ModelServer, context: int) -> None:
    """Have the server take so many tokens, and tell it as vLLM does."""
    model.context = context
    model.pages["/v1/models"] = {"data": [{"id": "test", "max_model_len": context}]}


async def ask(agent: Agent, text: str = QUESTION, quote: str = "") -> State:
    return await agent.ask(text, owner=OWNER, thread=THREAD, about=Circumstances(quote=quote))


def why(state: State) -> str:
    console = Console(width=200, record=True, file=None)
    with console.capture() as captured:
        console.print(screen.why(state, UTC))
    return " ".join(captured.get().split())


@pytest.mark.parametrize(("context", "least_tools"), [(4096, 4), (2048, 1)])
async def test_all_that_is_remembered_is_cut_to_a_window_that_the_server_tells(
    agent: Agent, model: ModelServer, context: int, least_tools: int
) -> None:
    tells(model, context)
    state = await ask(agent)
    assert state["reply"].outcome is Outcome.ANSWERED
    (chat,) = model.chats
    offered = [tool["function"]["name"] for tool in chat.body["tools"]]
    assert "search_memory" in offered
    assert least_tools <= len(offered) < len(await agent.layers.toolbox.offered(state["turn"]))
    assert chat.body["max_completion_tokens"] >= context // 4
    assert state["allocation"].recalled, why(state)
    assert state["allocation"].conversation
    said = why(state)
    assert f"The model holds {context:,} tokens" in said
    assert "No room for these tools: " in said
    assert "get_memory_metrics" in said
    story = "\n".join(state["story"][state["turn"].turn_id]["budget"])
    assert f"The model holds {context:,} tokens" in story
    observed = await agent.layers.observations.get(state["turn"].turn_id, owner=OWNER)
    assert observed is not None
    assert observed.shares.space is not None
    assert observed.shares.space.memory == state["allocation"].total


async def test_a_short_message_leaves_what_it_replies_to_whole(agent: Agent, model: ModelServer) -> None:
    tells(model, 4096)
    state = await ask(agent, "Why?", quote=LONG)
    assert LONG in str(state["prompt"][-1].content)
    assert "shown in part" not in why(state)


async def test_the_message_is_cut_last_and_archived_whole(agent: Agent, model: ModelServer) -> None:
    tells(model, 4096)
    text = "Sum this up: " + LONG * 40
    state = await ask(agent, text, quote=LONG * 20)
    assert state["reply"].outcome is Outcome.ANSWERED
    (chat,) = model.chats
    assert "tools" not in chat.body
    assert len(chat.messages) == 2
    assert tokens_of(chat) > 2000, "the room is used"
    assert "The message is shown in part" in why(state)
    (episode,) = await agent.layers.episodes.recent(owner=OWNER, limit=1)
    assert episode.message == text


async def test_a_window_that_nobody_tells_is_learnt_from_the_refusal(
    agent: Agent, model: ModelServer
) -> None:
    model.context = 3000
    state = await ask(agent)
    assert state["reply"].outcome is Outcome.ANSWERED
    assert len(model.chats) == 1 + fitting_of(state).refused > 1
    assert "refused the prompt as too long" in why(state)
    before = len(model.chats)
    state = await ask(agent, "And the rosemary?")
    assert state["reply"].outcome is Outcome.ANSWERED
    assert len(model.chats) == before + 1, "it is learnt once"
    assert fitting_of(state).refused == 0


async def test_a_prompt_that_never_fits_fails_with_what_to_do(agent: Agent, model: ModelServer) -> None:
    model.context = 100
    state = await ask(agent)
    assert state["reply"].outcome is Outcome.FAILED
    assert "larger one (llama.cpp: -c" in state["reply"].problem
    assert len(model.chats) < 8


async def test_a_turn_that_is_stopped_while_its_prompt_is_cut_ends(agent: Agent) -> None:
    layers = agent.layers
    respond = Respond(
        ModelCall(layers.model, layers.stops, layers.model_timeout, layers.window),
        layers.toolbox,
        layers.zone,
    )
    state = await ask(agent)
    turn_id = state["turn"].turn_id
    refused: State = {**state, "fitting": Fitting(turn_id=turn_id, refused=1, again=True)}
    assert after_respond(refused) == "budget"
    with layers.stops.possible(turn_id):
        layers.stops.request(turn_id)
        update = await respond(refused, Runtime(context=TurnContext()))
    assert after_respond({**refused, "fitting": update["fitting"]}) == "archive"


async def test_outputs_of_tools_share_the_window(agent: Agent, model: ModelServer) -> None:
    tells(model, 4096)
    rounds = iter(range(100))

    def searches(request: ModelRequest) -> Reply:
        if "tools" not in request.body:
            return Reply("Basil, behind the house.")
        return calling("search_memory", query=f"plant{next(rounds)}a", text="I look.")

    model.reply(searches)
    state = await ask(agent)
    assert state["reply"].text == "Basil, behind the house."
    assert state["results"]
    assert all(result.ok for result in state["results"])
    assert "plant" in model.chats[-1].messages[-2]["content"], "the model sees some of it"
    assert len(model.chats) == len(state["exchange"].rounds) + 1, "no request was refused"
    assert "What tools gave was shortened" in why(state)


async def test_delegated_work_fits_as_well(agent: Agent, model: ModelServer) -> None:
    tells(model, 2048)
    model.reply(Team({"researcher": LONG * 20, "coder": LONG * 20}))
    job = await until(agent, await delegated(agent), seconds=60)
    assert job.status is Status.DONE
    assert all(tokens_of(chat) < 2048 for chat in model.chats)


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        ({}, Told()),
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
        ({"/api/v0/models": {"data": [{"id": "test", "max_context_length": 99_000}]}}, Told(final=False)),
        ({"/api/ps": {"models": [{"name": "test:latest", "context_length": 8192}]}}, 8192),
        ({"/api/ps": {"models": []}, "/api/show": {"parameters": "top_k 3\nnum_ctx    16384"}}, 16_384),
        (
            {"/api/ps": {"models": []}, "/api/show": {"model_info": {"llama.context_length": 131_072}}},
            Told(tokens=4096, final=False),
        ),
        ({"/v1/models": {"data": "nonsense"}, "/props": [1], "/api/ps": {"models": {}}}, Told()),
    ],
)
async def test_servers_tell_what_they_hold(
    model: ModelServer, pages: dict[str, object], told: Told | int
) -> None:
    model.pages.update(pages)
    expected = Told(tokens=told) if isinstance(told, int) else told
    assert await ask_window(model.base_url, "test") == expected


async def test_a_server_that_is_not_there_yet_is_asked_again() -> None:
    assert await ask_window("http://127.0.0.1:9/v1", "test") == Told(final=False)
