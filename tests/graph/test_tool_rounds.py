"""Tools in a turn: called, bounded, asked about, and seen in the conversation afterwards."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from graph.app import open_agent
from graph.events.turn_events import Event, Finished, NodeFinished, Piece, Resumed, ToolsRequested, Waiting
from graph.model.tool_rounds import grounding_of
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.state.circumstances import Circumstances, thread_id
from graph.state.turn_state import State
from memory.concurrency.tasks import end
from memory.errors import NothingToDecide, OwnerMismatch
from memory.models import Outcome
from tests.plugins import DELETING, add_plugin
from tests.scripted import calling, in_turn
from tests.servers.faults import Fault
from tests.servers.model import ModelRequest, ModelServer, Reply
from tests.servers.openai_format import ToolCall

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("hash_vectors")]

OWNER = "ana"
DEEP: object = json.loads("[" * 60 + "]" * 60)
THREAD = thread_id("test", OWNER, "tools")


async def events_of(agent: Agent, text: str, **options: object) -> list[Event]:
    return [event async for event in agent.stream(text, owner=OWNER, thread=THREAD, **options)]  # type: ignore[arg-type]


def finished(events: Sequence[Event]) -> State:
    assert isinstance(events[-1], Finished), events
    return events[-1].state


async def test_a_tool_is_called_and_the_reply_comes_from_its_output(agent: Agent, model: ModelServer) -> None:
    model.reply(
        in_turn(calling("promote_memory", text="Let me note it.", key="cat", value="Miti"), "Noted: Miti.")
    )
    events = await events_of(agent, "My cat is Miti, remember it for ever.")
    state = finished(events)
    assert state["reply"].text == "Noted: Miti."
    assert [fact.value for fact in await agent.layers.permanent.facts(owner=OWNER)] == ["Miti"]
    assert [event.tools for event in events if isinstance(event, ToolsRequested)] == [("promote_memory",)]
    steps = [event.node for event in events if isinstance(event, NodeFinished)]
    assert steps[7:] == ["respond", "tools", "respond", "ground", "archive"]
    offered = {tool["function"]["name"]: tool["function"] for tool in model.chats[0].body["tools"]}
    assert {"search_memory", "set_identity", "memory_status", "read_facts"} <= set(offered)
    taken = {name for one in offered.values() for name in one["parameters"]["properties"]}
    assert not taken & {"config", "owner", "thread", "turn"}


async def test_evidence_stands_in_the_conversation_and_not_in_the_archive(
    agent: Agent, model: ModelServer
) -> None:
    model.reply(in_turn(calling("memory_status"), "All is well."))
    await events_of(agent, "How is your memory?")
    model.reply("Fine.")
    state = finished(await events_of(agent, "Thanks."))
    assert "called memory_status() -> archive" in str(state["prompt"])
    episodes = await agent.layers.episodes.recent(owner=OWNER, limit=2)
    assert not any("called" in episode.text for episode in episodes)


async def test_the_rounds_are_bounded_and_the_last_call_has_no_tools(
    agent: Agent, model: ModelServer
) -> None:
    rounds = iter(range(100))

    def loops(request: ModelRequest) -> Reply:
        return calling("search_memory", text="again", query=f"what {next(rounds)}")

    model.reply(loops)
    context = agent.layers.settings.turn_context(OWNER).model_copy(update={"tool_rounds": 2})
    state = finished(await events_of(agent, "Loop!", context=context))
    assert len(model.chats) == 3
    assert "tools" in model.chats[1].body
    assert "tools" not in model.chats[2].body
    assert len(state["exchange"].rounds) == 2
    assert state["reply"].text == "again"


async def test_calls_written_into_the_text_are_run_and_not_shown(agent: Agent, model: ModelServer) -> None:
    written = (
        'One moment.\n<｜DSML｜function_calls>\n<｜DSML｜invoke name="promote_memory">\n'
        '<｜DSML｜parameter name="key" string="true">city</｜DSML｜parameter>\n'
        '<｜DSML｜parameter name="value" string="true">Cluj</｜DSML｜parameter>\n'
        "</｜DSML｜invoke>\n</｜DSML｜function_calls>"
    )
    model.reply(in_turn(written, "Done."))
    events = await events_of(agent, "I live in Cluj.")
    assert finished(events)["reply"].text == "Done."
    assert [fact.value for fact in await agent.layers.permanent.facts(owner=OWNER)] == ["Cluj"]
    shown = "".join(event.text for event in events if isinstance(event, Piece))
    assert "DSML" not in shown


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (calling("no_such_tool"), "There is no tool"),
        (calling("search_memory", query=["a"]), "arguments are wrong"),
        (calling("search_memory", query="x", after="soonish"), "is not a time"),
        (calling("forget_fact", key="nothing"), "There is no fact"),
    ],
)
async def test_errors_go_back_to_the_model(agent: Agent, model: ModelServer, call: Reply, said: str) -> None:
    model.reply(in_turn(call, "I could not."))
    state = finished(await events_of(agent, "Do it."))
    assert said in state["results"][0].output
    assert not state["results"][0].ok
    assert state["reply"].outcome is Outcome.ANSWERED
    assert said in model.chats[1].prompt


async def test_figures_that_stand_nowhere_are_corrected_once(agent: Agent, model: ModelServer) -> None:
    model.reply(in_turn(calling("memory_status"), "You have 4711 turns.", "You have no turns."))
    state = finished(await events_of(agent, "How many turns?"))
    assert state["reply"].text == "You have no turns."
    assert tuple(state["grounding"].unsupported) == ("4711",)
    assert state["messages"][-1].text == "You have no turns."
    assert "4711" in model.chats[-1].last


async def test_a_failed_correction_keeps_the_reply(agent: Agent, model: ModelServer) -> None:
    model.reply(in_turn(calling("memory_status"), "You have 4711 turns.", "No: 4712 and 4713."))
    state = finished(await events_of(agent, "How many turns?"))
    assert state["reply"].text == "You have 4711 turns."
    assert not state["grounding"].corrected


async def test_a_private_turn_changes_nothing(agent: Agent, model: ModelServer) -> None:
    model.reply(in_turn(calling("promote_memory", key="a", value="b"), "Not possible."))
    state = finished(await events_of(agent, "Remember b.", about=Circumstances(private=True)))
    assert "There is no tool" in state["results"][0].output
    assert not await agent.layers.permanent.facts(owner=OWNER)


async def test_results_of_earlier_turns_do_not_pile_up(agent: Agent, model: ModelServer) -> None:
    for number in range(4):
        model.reply(in_turn(calling("search_memory", query=f"q{number}"), "ok"))
        state = finished(await events_of(agent, f"turn {number}"))
    assert len(state["results"]) == 1


async def decided(agent: Agent, waiting: Event, allowed: bool, owner: str = OWNER) -> list[Event]:
    assert isinstance(waiting, Waiting)
    asked = agent.decide(
        waiting.turn_id, owner=owner, thread=THREAD, approval_id=waiting.approvals[0].id, allowed=allowed
    )
    return [event async for event in asked]


@pytest.mark.parametrize(("allowed", "said"), [(True, "deleted a.txt"), (False, "did not allow it")])
async def test_a_call_waits_for_the_persons_word(
    agent: Agent, model: ModelServer, allowed: bool, said: str
) -> None:
    model.reply(in_turn(calling("delete_file", name="a.txt"), "Well."))
    events = await events_of(agent, "Delete a.txt.")
    waiting = events[-1]
    assert isinstance(waiting, Waiting)
    assert [(a.tool, a.arguments) for a in waiting.approvals] == [("delete_file", {"name": "a.txt"})]
    assert await agent.layers.episodes.count(owner=OWNER) == 0
    state = finished(await decided(agent, waiting, allowed))
    assert said in state["results"][0].output
    assert state["reply"].text == "Well."
    assert await agent.layers.episodes.count(owner=OWNER) == 1
    again = await decided(agent, waiting, allowed=True)
    assert finished(again)["reply"].text == "Well."
    assert len(model.chats) == 2


async def test_two_calls_are_asked_about_one_after_the_other(agent: Agent, model: ModelServer) -> None:
    calls = tuple(ToolCall("delete_file", {"name": name}, f"call_{name}") for name in "ab")
    model.reply(in_turn(Reply("", calls), "Well."))
    events = await events_of(agent, "Delete a and b.")
    events = await decided(agent, events[-1], allowed=True)
    state = finished(await decided(agent, events[-1], allowed=False))
    assert sorted(result.ok for result in state["results"]) == [False, True]


async def test_what_waits_survives_a_restart(settings: Settings, model: ModelServer) -> None:
    add_plugin(settings.data_folder, "deleting.py", DELETING)
    model.reply(in_turn(calling("delete_file", name="a.txt"), "Well."))
    async with open_agent(settings) as agent:
        waiting = (await events_of(agent, "Delete a.txt."))[-1]
    async with open_agent(settings) as agent:
        assert await agent.resume() == []
        assert await agent.waiting(THREAD, owner=OWNER) == waiting
        state = finished(await decided(agent, waiting, allowed=True))
    assert state["results"][0].output == "deleted a.txt"


async def cut_off(agent: Agent, model: ModelServer, text: str, turn_id: str) -> None:
    """Begin a turn, and cancel it while the model is called; then the model deletes a file."""
    model.faults.append(Fault.stall())
    before = len(model.chats)
    running = asyncio.create_task(events_of(agent, text, turn_id=turn_id))
    async with asyncio.timeout(60):
        while len(model.chats) == before:  # noqa: ASYNC110 - in another thread
            await asyncio.sleep(0.02)
    await end(running)
    model.reply(in_turn(calling("delete_file", text="I will delete it.", name="a.txt"), "Hello."))


async def test_a_turn_that_asks_only_when_resumed_is_not_lost_to_the_next_message(
    agent: Agent, model: ModelServer
) -> None:
    await cut_off(agent, model, "Delete a.txt.", "t1")
    events = await events_of(agent, "Good morning!")
    left = next(event.state for event in events if isinstance(event, Resumed))
    assert (left["turn"].turn_id, left["reply"].text) == ("t1", "I will delete it.")
    assert finished(events)["reply"].text == "Hello."
    assert await agent.layers.episodes.count(owner=OWNER) == 2


async def test_a_turn_that_is_tried_again_waits_for_the_call_that_it_comes_to(
    agent: Agent, model: ModelServer
) -> None:
    await cut_off(agent, model, "Delete a.txt.", "t1")
    (waiting,) = await events_of(agent, "Delete a.txt.", turn_id="t1")
    assert finished(await decided(agent, waiting, allowed=True))["reply"].text == "Hello."
    assert len(model.chats) == 3


async def test_a_turn_that_asks_only_when_resumed_is_not_lost_when_its_thread_is_cleared(
    agent: Agent, model: ModelServer
) -> None:
    await events_of(agent, "The kayak is called Merganser.", turn_id="t0")
    await cut_off(agent, model, "Delete a.txt.", "t1")
    await agent.forget(["t0"], owner=OWNER)
    assert [one.turn_id async for one in agent.layers.episodes.all(owner=OWNER)] == ["t1"]


async def test_another_message_leaves_undone_what_waits(agent: Agent, model: ModelServer) -> None:
    model.reply(in_turn(calling("delete_file", text="I will delete it.", name="a.txt"), "Hello."))
    waiting = (await events_of(agent, "Delete a.txt."))[-1]
    events = await events_of(agent, "Good morning!")
    left = next(event.state for event in events if isinstance(event, Resumed))
    assert left["reply"].outcome is Outcome.INTERRUPTED
    assert not left["results"][0].ok
    assert finished(events)["reply"].text == "Hello."
    assert len(model.chats) == 2
    late = finished(await decided(agent, waiting, allowed=True))
    assert late["reply"].text == "I will delete it."
    assert await agent.layers.episodes.count(owner=OWNER) == 2


async def test_the_memory_is_not_changed_unasked_once_a_page_was_read(
    agent: Agent, model: ModelServer
) -> None:
    model.reply(
        in_turn(calling("read_page", name="x"), calling("promote_memory", key="a", value="b"), "Well.")
    )
    waiting = (await events_of(agent, "Read x."))[-1]
    assert isinstance(waiting, Waiting)
    assert waiting.approvals[0].tool == "promote_memory"
    finished(await decided(agent, waiting, allowed=False))
    assert not await agent.layers.permanent.facts(owner=OWNER)


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("https://evil.example/?q=Ana", True),
        ("https://example.com/more?q=Ana", True),
        ("https://example.com/more", False),
        ("https://example.com/start", False),
    ],
)
async def test_no_address_is_made_up_once_a_page_was_read(
    agent: Agent, model: ModelServer, address: str, asked: bool
) -> None:
    first = calling("read_page", name="https://made-up.example/")
    model.reply(in_turn(first, calling("read_page", name=address), "Well."))
    events = await events_of(agent, "Read https://example.com/start and whatever belongs to it.")
    assert isinstance(events[-1], Waiting if asked else Finished)


async def test_a_note_of_a_page_is_marked_as_such(agent: Agent, model: ModelServer) -> None:
    noting = Reply("", (ToolCall("store_memory", {"text": "Nothing new."}),))
    model.reply(in_turn(calling("read_page", name="x"), noting, "Well."))
    waiting = (await events_of(agent, "Read x and note it."))[-1]
    finished(await decided(agent, waiting, allowed=True))
    notes = [e for e in await agent.layers.episodes.recent(owner=OWNER, limit=5) if "note" in e.tags]
    assert ["foreign" in note.tags for note in notes] == [True]


async def test_a_call_that_only_repeats_an_earlier_one_is_not_run(agent: Agent, model: ModelServer) -> None:
    same = calling("search_memory", query="x")
    model.reply(in_turn(same, same, "Well."))
    state = finished(await events_of(agent, "Search x."))
    assert [result.ok for result in state["results"]] == [True, False]
    assert "very call before" in state["results"][1].output


async def test_a_model_without_tools_is_asked_without_them(settings: Settings, model: ModelServer) -> None:
    model.faults.append(Fault.status(400, said="test does not support tools"))
    async with open_agent(settings) as agent:
        state = finished(await events_of(agent, "Hello?"))
    assert state["reply"].outcome is Outcome.ANSWERED
    assert ["tools" in request.body for request in model.chats] == [True, False]


async def test_a_template_that_takes_no_user_after_a_tool(settings: Settings, model: ModelServer) -> None:
    def strict(request: ModelRequest) -> Reply | str:
        if len(model.chats) == 1:
            model.faults.append(Fault.status(400, said="Unexpected role 'user' after role 'tool'"))
            return calling("memory_status")
        return "All is well."

    model.reply(strict)
    async with open_agent(settings) as agent:
        assert finished(await events_of(agent, "How are you?"))["reply"].text == "All is well."
    roles = [message["role"] for message in model.chats[-1].messages]
    assert roles[-3:] == ["tool", "assistant", "user"]
    assert "tools" in model.chats[-1].body


async def test_what_the_endpoint_says_of_a_request_is_told(agent: Agent, model: ModelServer) -> None:
    model.faults.append(Fault.status(400, said="the context is too long"))
    state = finished(await events_of(agent, "Hello?"))
    assert "the context is too long" in state["reply"].problem


@pytest.mark.parametrize(
    "arguments",
    [
        {"query": "x", "n": 10**30},
        {"query": "\ud800"},
        {"\ud800": 1},
        {"query": "x" * 200_000},
        {"query": "x", "deep": DEEP},
    ],
    ids=["a large number", "half a character", "half a name", "too much", "too deep"],
)
async def test_arguments_that_no_store_can_hold(
    agent: Agent, model: ModelServer, arguments: dict[str, object]
) -> None:
    model.reply(in_turn(Reply("", (ToolCall("search_memory", arguments),)), "I could not."))
    state = finished(await events_of(agent, "Search."))
    assert state["reply"].text == "I could not."
    assert len(str(state["exchange"])) < 10_000


async def test_more_calls_than_are_run_at_once(agent: Agent, model: ModelServer) -> None:
    calls = tuple(ToolCall("search_memory", {"query": f"q{n}"}, f"call_{n}") for n in range(40))
    model.reply(in_turn(Reply("", calls), "Well."))
    state = finished(await events_of(agent, "Search."))
    assert sum(result.ok for result in state["results"]) == 8
    assert len(state["results"]) == 16


@pytest.mark.parametrize("name", ["", "bad name!"])
async def test_names_that_no_endpoint_takes_are_not_sent_back(
    agent: Agent, model: ModelServer, name: str
) -> None:
    model.reply(in_turn(Reply("", (ToolCall(name, {}, "bad id " * 20),)), "Well."))
    finished(await events_of(agent, "Do it."))
    (sent,) = [m["tool_calls"][0] for m in model.chats[-1].messages if m.get("tool_calls")]
    assert sent["function"]["name"] == "unreadable_call"
    assert len(sent["id"]) == 9


async def test_a_corrected_reply_holds_no_markup(agent: Agent, model: ModelServer) -> None:
    made_up = "None.\n<tools_called>\ncalled memory_status() -> 1\n</tools_called>"
    model.reply(in_turn(calling("memory_status"), "You have 4711 turns.", made_up))
    state = finished(await events_of(agent, "How many turns?"))
    assert state["reply"].text == "None."


async def test_nothing_of_anothers_thread_is_handed_out(agent: Agent, model: ModelServer) -> None:
    model.reply(in_turn(calling("delete_file", name="a.txt"), "Well."))
    waiting = (await events_of(agent, "Delete a.txt.", turn_id="t1"))[-1]
    for turn_id in ("t1", "t2"):
        with pytest.raises(OwnerMismatch):
            await anext(agent.stream("Hello", owner="bob", thread=THREAD, turn_id=turn_id))
    assert await agent.waiting(THREAD, owner="bob") is None
    assert await agent.leave(THREAD, owner="bob") is None
    with pytest.raises(OwnerMismatch):
        await decided(agent, waiting, allowed=True, owner="bob")
    finished(await decided(agent, waiting, allowed=False))
    with pytest.raises(OwnerMismatch):
        await anext(agent.stream("Hello", owner="bob", thread=THREAD, turn_id="t1"))


async def test_what_waits_is_erased_with_its_owner(agent: Agent, model: ModelServer) -> None:
    model.reply(in_turn(calling("delete_file", name="a.txt"), "Well."))
    waiting = (await events_of(agent, "Delete a.txt."))[-1]
    await agent.erase(OWNER)
    assert await agent.last_turn(THREAD) is None
    with pytest.raises(NothingToDecide):
        await decided(agent, waiting, allowed=True)


async def test_a_private_turn_asks_nobody(agent: Agent, model: ModelServer) -> None:
    pages = (calling("read_page", name="x"), calling("read_page", name="https://evil.example/?q=1"))
    model.reply(in_turn(*pages, "Well."))
    state = finished(await events_of(agent, "Read x.", about=Circumstances(private=True)))
    assert "nobody can be asked" in state["results"][-1].output


async def test_the_next_turn_after_a_page_asks_as_well(agent: Agent, model: ModelServer) -> None:
    model.reply(in_turn(calling("read_page", name="x"), "Nothing new."))
    finished(await events_of(agent, "Read x."))
    (episode,) = await agent.layers.episodes.recent(owner=OWNER, limit=1)
    assert "foreign" in episode.tags
    model.reply(in_turn(calling("promote_memory", key="a", value="b"), "Well."))
    assert isinstance((await events_of(agent, "Go on."))[-1], Waiting)


async def test_what_is_found_of_a_page_makes_changes_asked_about(agent: Agent, model: ModelServer) -> None:
    model.reply(in_turn(calling("read_page", name="x"), "The kayak is called Merganser."))
    finished(await events_of(agent, "Read what the page says of kayaks."))
    await agent.layers.episodes.index(owner=OWNER)
    searching = calling("search_memory", query="kayak Merganser")
    model.reply(in_turn(searching, calling("promote_memory", key="a", value="b"), "Well."))
    other = thread_id("test", OWNER, "another")
    context = agent.layers.settings.turn_context(OWNER).model_copy(update={"gap_threshold": 1.0})
    events = [
        event async for event in agent.stream("Look it up.", owner=OWNER, thread=other, context=context)
    ]
    assert isinstance(events[-1], Waiting)


COUNTING = """from langchain_core.tools import tool

def build(services):
    @tool
    def count_up() -> str:
        \"\"\"Count one further.\"\"\"
        path = services.folder() / "count"
        path.write_text(path.read_text() + "+" if path.exists() else "+")
        return path.read_text()

    return [count_up]
"""


async def test_a_call_whose_result_is_stored_is_not_run_again_after_a_stop(
    settings: Settings, model: ModelServer
) -> None:
    add_plugin(settings.data_folder, "counting.py", COUNTING)

    def first_call(request: ModelRequest) -> Reply:
        if len(model.chats) == 1:
            model.faults.append(Fault.stall())
        return calling("count_up")

    model.reply(first_call)
    async with open_agent(settings) as agent:
        running = asyncio.create_task(agent.ask("Count.", owner=OWNER, thread=THREAD))
        async with asyncio.timeout(60):
            while len(model.chats) < 2:  # noqa: ASYNC110 - in another thread
                await asyncio.sleep(0.02)
        await end(running)
    model.reply("It is at one.")
    async with open_agent(settings) as agent:
        (state,) = await agent.resume()
    assert state["reply"].text == "It is at one."
    assert [result.output for result in state["results"]] == ["+"]


async def test_a_stop_during_the_correction_loses_nothing(settings: Settings, model: ModelServer) -> None:
    left = ["You have 4711 turns.", "You have 4711 turns.", "You have no turns."]

    def replies(request: ModelRequest) -> Reply | str:
        if len(model.chats) == 1:
            return calling("memory_status")
        if len(model.chats) == 2:
            model.faults.append(Fault.stall())
        return left.pop(0)

    model.reply(replies)
    async with open_agent(settings) as agent:
        running = asyncio.create_task(agent.ask("How many turns?", owner=OWNER, thread=THREAD))
        async with asyncio.timeout(60):
            while len(model.chats) < 3:  # noqa: ASYNC110 - in another thread
                await asyncio.sleep(0.02)
        await end(running)
    async with open_agent(settings) as agent:
        (state,) = await agent.resume()
        assert await agent.layers.episodes.count(owner=OWNER) == 1
    assert state["reply"].text == "You have no turns."
    assert state["grounding"].corrected


async def test_figures_of_a_turn_before_are_not_held_against_the_next(
    agent: Agent, model: ModelServer
) -> None:
    model.reply(in_turn(calling("memory_status"), "You have 4711 turns.", "No: 4712 and 4713."))
    assert grounding_of(finished(await events_of(agent, "How many turns?"))).unsupported
    model.reply("You are welcome.")
    assert not grounding_of(finished(await events_of(agent, "Thank you."))).unsupported


SLOW = """import asyncio
from langchain_core.tools import tool
from graph.tools.traits import Traits

def build(services):
    @tool
    async def launch() -> str:
        \"\"\"Launch the rocket.\"\"\"
        path = services.folder() / "launched"
        path.write_text((path.read_text() if path.exists() else "") + "!")
        while not (services.folder() / "landed").exists():
            await asyncio.sleep(0.01)
        return path.read_text()

    launch.metadata = Traits(approval=True).metadata()
    return [launch]
"""


@pytest.mark.parametrize("then", ["yes", "no", "another message"])
async def test_an_approved_call_that_was_cut_off_is_not_made_again(
    settings: Settings, model: ModelServer, then: str
) -> None:
    add_plugin(settings.data_folder, "slow.py", SLOW)
    model.reply(in_turn(calling("launch", text="I launch it."), "Well."))
    async with open_agent(settings) as agent:
        waiting = (await events_of(agent, "Launch!"))[-1]
        running = asyncio.create_task(decided(agent, waiting, allowed=True))
        launched = settings.data_folder / "plugin-files" / "slow" / "launched"
        async with asyncio.timeout(60):
            while not launched.exists():  # noqa: ASYNC110 - in another thread
                await asyncio.sleep(0.02)
        await end(running)
    async with open_agent(settings) as agent:
        await agent.resume()
        if then == "another message":
            events = await events_of(agent, "Never mind.")
            state = next(event.state for event in events if isinstance(event, Resumed))
        else:
            state = finished(await decided(agent, waiting, allowed=then == "yes"))
    assert launched.read_text() == "!"
    assert "whether it was done is not known" in state["results"][0].output


async def test_a_no_stands_whatever_follows(settings: Settings, model: ModelServer) -> None:
    add_plugin(settings.data_folder, "deleting.py", DELETING)
    model.reply(in_turn(calling("delete_file", name="a.txt"), "Well."))
    async with open_agent(settings) as agent:
        waiting = (await events_of(agent, "Delete a.txt."))[-1]
        assert isinstance(waiting, Waiting)
        await agent.layers.tool_cache.claim(waiting.approvals[0].key, "refused", owner=OWNER)
        state = finished(await decided(agent, waiting, allowed=True))
    assert "did not allow it" in state["results"][0].output


async def test_stopping_while_a_tool_runs_keeps_what_was_said(settings: Settings, model: ModelServer) -> None:
    add_plugin(settings.data_folder, "slow.py", SLOW.replace("approval=True", ""))
    model.reply(in_turn(calling("launch", text="I launch it."), "Well."))
    async with open_agent(settings) as agent:
        events = []
        async for event in agent.stream("Launch!", owner=OWNER, thread=THREAD, turn_id="t1"):
            events.append(event)
            if isinstance(event, ToolsRequested):
                agent.stop("t1")
                files = settings.data_folder / "plugin-files" / "slow"
                files.mkdir(parents=True, exist_ok=True)
                (files / "landed").touch()
    state = finished(events)
    assert (state["reply"].text, state["reply"].outcome) == ("I launch it.", Outcome.INTERRUPTED)
    assert len(model.chats) == 1
