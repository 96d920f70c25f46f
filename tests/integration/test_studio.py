"""LangGraph Studio's server over the same memory as the agent of this process, driven as Studio drives it."""

import asyncio
import pickle
import re
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import UnprocessableEntityError
from pydantic import SecretStr

from graph.app import open_agent
from graph.builder import CAPTIONS, FETCHES
from graph.runtime.agent import Agent
from graph.settings.context import TurnContext
from graph.settings.server_settings import STUDIO
from graph.settings.settings import Settings
from graph.state.circumstances import thread_id
from graph.state.recall import recalled_of
from graph.studio.mechanism_steps import RANK
from graph.studio.studio_graph import FIRST, NO_SHELL, graph
from graph.studio.studio_token import StudioToken
from memory.errors import Undecided
from memory.models import Mechanism, Outcome
from tests.disk import found
from tests.plugins import LAMP
from tests.scripted import calling, in_turn
from tests.servers.model import ModelServer, Reply, running_model_server
from tests.servers.openai_format import ToolCall
from tests.servers.studio import StudioServer
from tests.studio import ASSISTANT, Chat, conversation, kept, recalled, running_studio, said, shared_folder

CONFIGURED = 0.7
FACTS = (
    "My daughter Ioana is allergic to peanuts.",
    "We repainted the garage door in dark green.",
    "My car is a red Dacia from 2012.",
)
QUESTION = "What is Ioana allergic to?"
AFTER_FETCHES = ["gap_filter", "budget", "assemble", "respond", "archive"]
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with running_model_server() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Path:
    configuration = f"[gap]\nthreshold = {CONFIGURED}\n"
    made = shared_folder(tmp_path_factory.mktemp("studio"), model_folder, configuration)
    (made / "data" / "plugins").mkdir()
    (made / "data" / "plugins" / "lamp.py").write_text(LAMP)
    state = made / ".langgraph_api"
    state.mkdir()
    (state / ".langgraph_retry_counter.pckl").write_bytes(pickle.dumps({}))
    return made


@pytest.fixture(scope="module")
def server(folder: Path, model: ModelServer) -> Iterator[StudioServer]:
    with running_studio(folder, model) as running:
        yield running


@pytest.fixture
async def client(server: StudioServer) -> AsyncIterator[LangGraphClient]:
    async with server.client() as opened:
        yield opened


@pytest.fixture
def settings(folder: Path, model: ModelServer) -> Settings:
    return Settings(
        data_folder=folder / "data",
        model="test",
        model_base_url=model.base_url,
        gap_threshold=CONFIGURED,
        prefetch_timeout=30,
        shell=True,
    )


@pytest.fixture
async def agent(server: StudioServer, settings: Settings) -> AsyncIterator[Agent]:
    """The terminal's agent, in this process, beside the server."""
    async with open_agent(settings) as opened:
        yield opened


async def told(agent: Agent, owner: str) -> None:
    for fact in FACTS:
        await agent.ask(fact, owner=owner, thread=thread_id("terminal", owner, "told"))
    await agent.layers.episodes.index(owner=owner)


async def test_the_graph_is_drawn_as_it_is(client: LangGraphClient) -> None:
    drawn = cast("dict[str, Any]", await client.assistants.get_graph(ASSISTANT))
    ours = graph().get_graph()
    assert {node["id"] for node in drawn["nodes"]} == set(ours.nodes)
    shown = {node["id"]: node.get("metadata") for node in drawn["nodes"]}
    assert {name: shown[name] for name in CAPTIONS} == CAPTIONS
    assert shown["prefetch"].keys() >= {"thematic", "temporal", "key"}
    edges = {(edge["source"], edge["target"]) for edge in drawn["edges"]}
    assert edges == {(edge.source, edge.target) for edge in ours.edges}
    assert len(edges) == len(drawn["edges"]) > len(FETCHES) * 2
    inside = cast("dict[str, Any]", await client.assistants.get_graph(ASSISTANT, xray=True))
    steps = {node["id"] for node in inside["nodes"] if node["id"].startswith("prefetch:")}
    assert steps >= {f"prefetch:{step}" for step in (*Mechanism, RANK)}


async def test_the_form_shows_titles_limits_and_the_configured_defaults(client: LangGraphClient) -> None:
    (assistant,) = await client.assistants.search(graph_id=ASSISTANT)
    schemas = await client.assistants.get_schemas(assistant["assistant_id"])
    assert schemas["context_schema"]
    form = schemas["context_schema"]["properties"]
    assert form.keys() == TurnContext.model_fields.keys()
    assert list(form)[: len(FIRST)] == list(FIRST)
    for name, field in form.items():
        assert field["title"], name
        assert field["description"], name
        assert "default" in field, name
    assert form["gap_threshold"]["default"] == CONFIGURED
    assert form["prefetch_timeout"]["default"] == 30
    assert form["l2_cap"]["default"] == TurnContext().l2_cap
    assert (form["gap_threshold"]["minimum"], form["gap_threshold"]["maximum"]) == (0, 1)


async def test_a_configuration_file_that_is_removed_while_the_server_runs_stops_no_turn(
    client: LangGraphClient, folder: Path
) -> None:
    chat, file = await Chat.begin(client), folder / "goat.toml"
    before = file.read_text()
    file.unlink()
    try:
        assert (await chat.say("Are you there?", owner="mara"))["reply"]["outcome"] == Outcome.ANSWERED
        async with asyncio.timeout(60):
            while await threshold_in_form(client) == CONFIGURED:  # noqa: ASYNC110 - in another process
                await asyncio.sleep(0.1)
        state = await chat.say("And now?")
        assert state["thresholds"]["gap_threshold"] == TurnContext().gap_threshold
    finally:
        file.write_text(before)
    assert await threshold_in_form(client) == CONFIGURED


async def threshold_in_form(client: LangGraphClient) -> object:
    (assistant,) = await client.assistants.search(graph_id=ASSISTANT)
    form = (await client.assistants.get_schemas(assistant["assistant_id"]))["context_schema"]
    assert form
    return form["properties"]["gap_threshold"]["default"]


async def test_a_turn_streams_shows_what_each_node_decided_and_is_forked(
    client: LangGraphClient, agent: Agent
) -> None:
    await told(agent, "ana")
    chat = await Chat.begin(client)
    nodes, modes, words = [], set(), []
    async for part in client.runs.stream(
        chat.thread,
        ASSISTANT,
        input=said(QUESTION),
        context={"owner": "ana"},
        stream_mode=["updates", "messages-tuple", "values"],
    ):
        modes.add(part.event)
        if part.event == "updates":
            nodes += list(part.data)
        if part.event == "messages" and part.data[0]["type"] == "AIMessageChunk":
            words.append(part.data[0]["content"])
    assert modes >= {"updates", "messages", "values"}
    assert sorted(nodes[: len(FETCHES)]) == sorted(FETCHES)
    assert nodes[len(FETCHES) :] == AFTER_FETCHES

    state = cast("dict[str, Any]", (await client.threads.get_state(chat.thread))["values"])
    assert "".join(words) == state["reply"]["text"]
    assert state["reply"]["outcome"] == Outcome.ANSWERED
    assert recalled(state)[0] == FACTS[0]
    assert len(state["decisions"]) == len(FACTS)

    steps = await chat.history()
    async with asyncio.timeout(60):  # a busy machine writes them after the run's end
        while any(task["result"] is None for step in steps for task in step["tasks"]):
            await asyncio.sleep(0.1)
            steps = await chat.history()
    written = {task["name"]: set(task["result"]) for step in steps for task in step["tasks"]}
    assert written["gap_filter"] == {"story", "decisions", "calibration", "thresholds", "timings"}
    assert written["working"] == {"story", "turn", "conversation", "unused", "timings"}
    assert written.keys() >= {*FETCHES, *AFTER_FETCHES}

    (before,) = [step["checkpoint"]["checkpoint_id"] for step in steps if step["next"] == ["gap_filter"]]
    episodes = await agent.layers.episodes.count(owner="ana")
    by_ratio = await chat.fork(before, gap_rule="ratio")
    strict = await chat.fork(before, gap_threshold=1.0)
    assert {decision["rule"] for decision in by_ratio["decisions"]} == {"ratio"}
    assert strict["decisions"][0]["threshold"] > state["decisions"][0]["threshold"]
    assert (len(kept(state)), kept(by_ratio), by_ratio["allocation"]["recalled"]) == (1, [], [])
    for forked in (by_ratio, strict):
        assert forked["turn"] == state["turn"]
        assert forked["archived"]["experiment"]
        assert not forked["archived"]["episode"]
        assert not forked["archived"]["conversation"]
    assert await agent.layers.episodes.count(owner="ana") == episodes


APPROVE, REJECT = {"type": "approve"}, {"type": "reject", "message": "It is late."}


@pytest.mark.parametrize(("answer", "ran"), [({"decisions": [APPROVE]}, True), ("no", False)])
async def test_a_call_waits_for_the_persons_word(
    client: LangGraphClient, model: ModelServer, answer: object, ran: bool
) -> None:
    model.reply(in_turn(calling("switch_lamp", room="hall"), "That is it."))
    chat = await Chat.begin(client)
    await chat.say("Switch it on, please.", owner="me")
    (interrupt,) = [one for task in (await chat.state())["tasks"] for one in task["interrupts"]]
    (request,), (review,) = interrupt["value"]["action_requests"], interrupt["value"]["review_configs"]
    assert (request["name"], request["args"]) == ("switch_lamp", {"room": "hall"})
    assert (review["action_name"], review["allowed_decisions"]) == ("switch_lamp", ["approve", "reject"])
    assert interrupt["value"]["action_request"] == {"action": "switch_lamp", "args": {"room": "hall"}}
    with pytest.raises(httpx.HTTPStatusError, match="One call waits for approval, and there are 2 answers"):
        await chat.run(command={"resume": {"decisions": [APPROVE] * 2}})
    state = await chat.run(command={"resume": answer}, context={"owner": "me"})
    assert state["reply"]["text"] == "That is it."
    assert ("lit in the hall" in state["results"][0]["output"]) is ran


@pytest.mark.parametrize(
    ("answer", "ran"), [({"decisions": [REJECT, APPROVE]}, [False, True]), (True, [True, True])]
)
async def test_several_calls_take_one_answer_each_or_one_for_all(
    client: LangGraphClient, model: ModelServer, answer: object, ran: list[bool]
) -> None:
    rooms = [ToolCall("switch_lamp", {"room": room}, room) for room in ("hall", "attic")]
    model.reply(in_turn(Reply("", tuple(rooms)), "That is it."))
    chat = await Chat.begin(client)
    await chat.say("Switch them on, please.", owner="me")
    with pytest.raises(httpx.HTTPStatusError, match="2 calls wait for approval"):
        await chat.run(command={"resume": {"decisions": [APPROVE] * 3}})
    state = await chat.run(command={"resume": answer})
    shown = {message["name"]: message for message in state["messages"] if message["type"] == "tool"}
    outputs = {result["key"][-1]: result["output"] for result in state["results"]}
    assert [f"lit in the {room.id}" in outputs[str(place)] for place, room in enumerate(rooms)] == ran
    assert ("They said: It is late." in outputs["0"]) is not ran[0]
    assert shown["switch_lamp"]["tool_call_id"] in {room.id for room in rooms}
    assert state["reply"]["text"] == "That is it."


async def test_a_command_is_not_run_whoever_allows_it_through_the_server(
    client: LangGraphClient, agent: Agent, model: ModelServer
) -> None:
    model.reply(in_turn(calling("shell_run", command="echo 47$((5 + 6))"), "So be it."))
    thread = thread_id("terminal", "me", "waiting")
    with pytest.raises(Undecided):
        await agent.ask("Run it, please.", owner="me", thread=thread)
    chat = await Chat.begin(client, thread)
    state = await chat.run(command={"resume": "yes"}, context={"owner": "me"})
    assert state["results"][0]["output"] == NO_SHELL
    state = await (await Chat.begin(client)).say("And here?", owner="me")
    assert state["reply"]["text"] == "So be it."


async def test_the_door_is_before_all_that_the_server_serves(server: StudioServer) -> None:
    """What a page of another origin, a name made to point here and another local user try."""
    token, key = server.token, StudioToken(SecretStr(server.token)).key
    evil, studio, json = (
        {"Origin": "https://evil.example"},
        {"Origin": STUDIO},
        {"Content-Type": "application/json"},
    )
    shown = {"x-api-key": token}
    async with httpx.AsyncClient(base_url=server.url) as http:

        async def status(path: str, *headers: dict[str, str], method: str = "POST") -> int:
            merged = {name: value for one in headers for name, value in one.items()}
            content = b"{}" if method == "POST" else None
            answer = await http.request(method, path, content=content, headers=merged)
            allowed = answer.headers.get("access-control-allow-origin")
            assert allowed == (STUDIO if merged.get("Origin") == STUDIO else None)
            return answer.status_code

        for path in ("/", "/info", "/metrics", "/docs", "/openapi.json", "/ui/goat", "/deploy"):
            assert await status(path, method="GET") == 401, path
        for path in ("/threads/search", "/assistants/search", "/runs/stream", "/store/items/search", "/mcp/"):
            assert await status(path, json) == 401, path
            assert await status(path, json, {"x-auth-scheme": "langsmith"}) == 401, path
            assert await status(path, json, studio) == 401, path
            assert await status(path, json, evil, shown) == 403, path
            assert await status(path, shown, {"Content-Type": "text/plain"}) == 415, path
            assert await status(path, json, shown, {"Host": "rebound.example:2024"}) == 421, path
        assert await status("/threads/search", method="OPTIONS") == 401
        preflight = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        assert await status("/threads/search", evil, preflight, method="OPTIONS") == 403
        assert await status(f"/{key}/threads/search", studio, preflight, method="OPTIONS") == 200
        assert await status(f"/{key}/threads/search", studio, json) == 200
        assert await status(f"/{key}/threads/search", json) == 401
        assert await status(f"/{key}/threads/search", evil, json) == 403
        assert await status("/threads/search", json, shown) == 200
        assert await status("/threads/search", json, {"Authorization": f"Bearer {token}"}) == 200
        assert await status("/ok", method="GET") == 200


async def test_whoever_starts_the_server_is_told_how_to_get_in_and_its_log_no_more(
    server: StudioServer,
) -> None:
    key = StudioToken(SecretStr(server.token)).key
    assert f"{STUDIO}/studio/?baseUrl={server.url}/{key}\n" in server.log
    assert f"export LANGGRAPH_API_KEY={server.token}\n" in server.log
    assert (server.log.count(server.token), server.log.count(key)) == (1, 1)


async def test_the_servers_state_is_in_the_data_folder_for_its_owner_alone(
    server: StudioServer, client: LangGraphClient, folder: Path
) -> None:
    await Chat.begin(client)
    state = folder / "data" / "studio" / "state"
    assert (folder / ".langgraph_api").resolve() == state
    async with asyncio.timeout(100):
        while not (state / ".langgraph_ops.pckl").exists():  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.1)
    files = [path for path in (folder / "data" / "studio").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"token", ".langgraph_ops.pckl", ".langgraph_retry_counter.pckl"}
    assert {path.stat().st_mode & 0o077 for path in [*files, state, state.parent]} == {0}
    assert "was moved from .langgraph_api" in server.log


async def test_what_one_process_archives_the_other_recalls(client: LangGraphClient, agent: Agent) -> None:
    chat = await Chat.begin(client)
    await chat.say("My locker code at the gym is 9312.", owner="dana")
    here = await agent.ask(
        "What is the code of my gym locker?", owner="dana", thread=thread_id("terminal", "dana", "1")
    )
    assert "9312" in recalled_of(here)[0].message
    await agent.ask("The boat is called Merganser.", owner="dana", thread=thread_id("terminal", "dana", "2"))
    there = await (await Chat.begin(client)).say("What is the name of the boat?", owner="dana")
    assert "Merganser" in recalled(there)[0]


async def test_a_thread_goes_on_in_the_server_and_back(client: LangGraphClient, agent: Agent) -> None:
    thread = thread_id("terminal", "eva", "1")
    for text in ("I planted tomatoes.", "And some basil."):
        await agent.ask(text, owner="eva", thread=thread)
    chat = await Chat.begin(client, thread)
    shown = await client.threads.get_state(thread)
    assert cast("dict[str, Any]", shown["values"])["turn"]["message"] == "And some basil."
    there = await chat.say("And a row of leeks.")
    assert there["turn"]["message"] == "And a row of leeks."
    assert there["turn"]["owner"] == "eva"
    assert conversation(there) == ["I planted tomatoes.", "And some basil."]
    here = await agent.ask("What did I plant?", owner="eva", thread=thread)
    assert [past.message for past in here["conversation"].turns][-1] == "And a row of leeks."
    assert any("leeks" in message.text for message in here["prompt"])
    assert await agent.layers.episodes.count(owner="eva") == 4


async def test_a_long_turn_holds_up_no_other(client: LangGraphClient, model: ModelServer) -> None:
    rest = threading.Event()
    model.reply(lambda asked: Reply("Slow and steady.", rest=rest) if "slowly" in asked.last else "Quick.")
    long = asyncio.create_task((await Chat.begin(client)).say("Answer slowly.", owner="radu"))
    try:
        assert (await (await Chat.begin(client)).say("Be quick.", owner="sara"))["reply"]["text"] == "Quick."
        assert not long.done()
    finally:
        rest.set()
    assert (await long)["reply"]["text"] == "Slow and steady."
    model.reset()


async def test_a_thread_keeps_its_owner(client: LangGraphClient, agent: Agent) -> None:
    chat = await Chat.begin(client)
    await chat.say("I am Florin.", owner="florin")
    assert "belongs to another owner" in await chat.refusal("I am Gina.", owner="gina")
    errors = [str(task["error"]) for task in (await client.threads.get_state(chat.thread))["tasks"]]
    assert any("belongs to another owner" in error for error in errors)
    here = await agent.ask("Who am I?", owner="florin", thread=chat.thread)
    assert [past.message for past in here["conversation"].turns] == ["I am Florin."]
    assert await agent.layers.episodes.count(owner="gina") == 0
    there = await chat.say("Going on.")
    assert there["turn"]["owner"] == "florin"
    assert conversation(there) == ["I am Florin.", "Who am I?"]


@pytest.mark.parametrize("node", ["prefetch", "__start__"])
async def test_a_fork_of_a_threads_first_turn_is_its_owners_and_writes_nothing(
    client: LangGraphClient, agent: Agent, node: str
) -> None:
    chat, owner, other = await Chat.begin(client), f"lena-{node}", f"mihai-{node}"
    await chat.say("I am Lena.", owner=owner)
    first = await chat.before(node)
    with pytest.raises(httpx.HTTPStatusError, match="belongs to another owner"):
        await chat.fork(first, owner=other)
    forked = await chat.fork(first, gap_threshold=0.9)
    assert (forked["turn"]["owner"], forked["archived"]["experiment"]) == (owner, True)
    assert await agent.layers.episodes.count(owner=owner) == 1
    assert await agent.layers.episodes.count(owner=other) == 0
    assert conversation(await chat.say("Who am I?")) == ["I am Lena."]


async def test_what_is_refused_says_why_and_the_thread_goes_on(client: LangGraphClient) -> None:
    chat = await Chat.begin(client)
    assert "message is empty" in await chat.refusal("  ", owner="horia")
    for context, why in (
        ({"gap_threshold": 7}, "Allowed: a number from 0 up to 1."),
        ({"gap_treshold": 0.7}, "Unknown setting gap_treshold. Did you mean gap_threshold?"),
    ):
        with pytest.raises(httpx.HTTPStatusError, match=re.escape(why)):
            await chat.say("Hello", owner="horia", **context)
        with pytest.raises(UnprocessableEntityError, match=re.escape(why)):
            await client.assistants.create(ASSISTANT, context=context)
    bye, system = {"role": "user", "content": "Bye"}, {"role": "system", "content": "Be brief."}
    for rest in ([bye], [["human", "Bye"]], ["Bye"], [system, bye]):
        with pytest.raises(httpx.HTTPStatusError, match="ends with two messages of the user"):
            await chat.run(input={"messages": [*said("Hello")["messages"], *rest]})
    assert await client.assistants.create(ASSISTANT, name="strict", context={"gap_threshold": 0.9})
    state = await chat.say("Are you there?", owner="horia")
    assert state["reply"]["outcome"] == Outcome.ANSWERED
    assert conversation(state) == []


@pytest.mark.process
async def test_a_restart_keeps_the_threads_in_redis_and_the_words_of_a_stopped_run(
    client: LangGraphClient, agent: Agent, server: StudioServer, model: ModelServer
) -> None:
    chat = await Chat.begin(client)
    state = await chat.say("The spare key is under the third flower pot.", owner="ivan")
    redis, stopped = await agent.layers.redis.client(), await Chat.begin(client)
    assert await redis.keys(f"goat:checkpoint:{{{chat.thread}}}:*")
    await stop_at("three", stopped, "Count for me.", agent, model)
    server.stop()
    last = await agent.last_turn(chat.thread)
    assert last
    assert last["turn"].message == "The spare key is under the third flower pot."
    server.start()
    assert (await client.threads.get_state(chat.thread))["values"] == state
    assert len(await chat.history()) == len(FETCHES) + len(AFTER_FETCHES) - 1
    later = await chat.say("Where is it?")
    assert conversation(later) == ["The spare key is under the third flower pot."]
    async with asyncio.timeout(60):
        while await agent.layers.journal.of_owner("ivan"):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.1)
    replies = {one.message: one.reply async for one in agent.layers.episodes.all(owner="ivan")}
    assert replies["Count for me."] == "One two"


async def stop_at(word: str, chat: Chat, text: str, agent: Agent, model: ModelServer) -> None:
    """Cancel the run of a message when its reply has come to a word."""
    model.reply("One two three.")
    model.hold_before = word
    run = await chat.client.runs.create(chat.thread, ASSISTANT, input=said(text), context={"owner": "ivan"})
    async with asyncio.timeout(60):
        while not any(  # noqa: ASYNC110 - of another process
            one.episode.reply for one in await agent.layers.journal.of_owner("ivan")
        ):
            await asyncio.sleep(0.1)
    await chat.client.runs.cancel(chat.thread, run["run_id"], wait=True)
    model.reset()


@pytest.mark.process
async def test_what_is_erased_is_dropped_by_the_server_and_stays_so_when_it_starts_again(
    server: StudioServer, client: LangGraphClient, agent: Agent, folder: Path
) -> None:
    said = "xylophonicnina"
    here, there = thread_id("terminal", "nina", "1"), await Chat.begin(client)
    await agent.ask(f"My {said} is red.", owner="nina", thread=here)
    await there.say(f"And my other {said} is green.", owner="nina")
    async with asyncio.timeout(120):
        while not {here, there.thread} <= await listed(client):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.2)
        await agent.erase("nina")
        while {here, there.thread} & await listed(client) or found(folder, said):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    server.stop()
    await agent.ask(f"My {said} is blue.", owner="nina", thread=here)
    await agent.erase("nina")
    server.start()
    assert not {here, there.thread} & await listed(client)
    assert found(folder, said) == {}


async def listed(client: LangGraphClient) -> set[str]:
    return {thread["thread_id"] for thread in await client.threads.search(limit=1000)}
