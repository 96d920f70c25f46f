"""A fact that is removed is gone with every value that it had; later ones and other owners' data stay."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from bot.terminal.terminal_place import TerminalPlace
from graph.app import open_agent
from graph.events.turn_events import Waiting
from graph.runtime.agent import Agent
from graph.settings.settings import Settings, terminal_folder
from graph.state.circumstances import thread_id
from memory.database import owner_key
from memory.errors import TierUnavailable
from memory.models import Episode
from memory.prompt.tool_text import evidence_line
from memory.working.redis_journal import JournalEntry
from tests.disk import found
from tests.scripted import calling, in_turn
from tests.servers.letta import running_letta_server
from tests.servers.model import ModelServer, Reply
from tests.servers.openai_format import ToolCall

pytestmark = pytest.mark.usefixtures("hash_vectors")
SECRET = "xylophonicștefan"
HERE, THERE = thread_id("test", "ana", "here"), thread_id("test", "ana", "there")


@pytest.fixture
async def agent(settings: Settings) -> AsyncIterator[Agent]:
    async with open_agent(settings) as opened:
        yield opened


async def remember(agent: Agent) -> None:
    """Note a fact twice, and show each value in a turn."""
    for number, value in enumerate((f"under the {SECRET}", f'behind "{SECRET[:4]}"\nthe {SECRET}')):
        await agent.layers.permanent.upsert("place", value, owner="ana", at=agent.layers.turns.clock())
        await agent.ask("Good morning!", owner="ana", thread=HERE, turn_id=f"morning-{number}")
    folder = terminal_folder(agent.layers.settings)
    folder.mkdir(exist_ok=True)
    typed = f"\n# now\n+/remember place: under the {SECRET}\n\n# later\n+kept\n"
    (folder / f"{owner_key('ana')}.history").write_text(typed)


async def test_no_byte_of_a_fact_stays_of_any_value_and_the_conversation_does(
    agent: Agent, model: ModelServer
) -> None:
    model.reply("Noted.")
    await remember(agent)
    folder = agent.layers.settings.data_folder
    assert {path.split("/")[0] for path in found(folder, SECRET)} >= {"owners", "redis", "terminal"}
    assert await agent.forget(owner="bob", facts=["place"]) == ()
    assert len(await agent.removal.facts.versions("place", "ana")) == 2
    assert await agent.forget(owner="ana", facts=["PLACE"]) == ()
    assert found(folder, SECRET) == {}
    assert await agent.removal.facts.versions("place", "ana") == []
    again = await agent.ask("And now?", owner="ana", thread=HERE, turn_id="now")
    assert [turn.turn_id for turn in again["conversation"].turns] == ["morning-0", "morning-1"]
    assert again["fact_sheet"].facts == ()


async def test_all_lines_of_a_typed_fact_go_from_the_terminals_history_and_no_other_line_does(
    agent: Agent, model: ModelServer
) -> None:
    value, other = f"in\x0cthe {SECRET}\nbehind the stove", "/remember age: in spring, forty"
    await agent.layers.permanent.upsert("place", value, owner="ana", at=agent.layers.turns.clock())
    place = TerminalPlace("ana", HERE, terminal_folder(agent.layers.settings))
    place.folder.mkdir()
    for typed in (f"/remember place: {value} ", other):
        place.history().store_string(typed)
    await agent.forget(owner="ana", facts=["place"])
    assert [line for line in place.history().load_history_strings() if line.strip()] == [other]


async def test_a_fact_whose_erasure_broke_off_leaves_the_steps_at_the_next_start(
    agent: Agent, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.reply("Noted.")
    await remember(agent)
    await agent.ask("My boat is called Merganser.", owner="ana", thread=THERE, turn_id="boat")

    async def unreachable(*_: object, **__: object) -> None:
        raise TierUnavailable("working", "gone")

    with monkeypatch.context() as patch:
        patch.setattr(type(agent.layers.cache), "erase", unreachable)
        with pytest.raises(TierUnavailable):
            await agent.forget(owner="ana", facts=["place"])
        with pytest.raises(TierUnavailable):
            await agent.forget(["boat"], owner="ana")
    assert found(agent.layers.settings.data_folder, SECRET)
    await agent.layers.permanent.upsert("place", "new", owner="ana", at=agent.layers.turns.clock())
    await agent.resume()
    assert found(agent.layers.settings.data_folder, SECRET) == {}
    assert [fact.value for fact in await agent.layers.permanent.facts(owner="ana")] == ["new"]
    assert await agent.layers.episodes.get(["boat"], owner="ana") == []
    assert agent.layers.erasures.pending() == []


async def test_what_repeats_a_fact_is_listed(agent: Agent, model: ModelServer) -> None:
    model.reply("It is behind the stove.")
    at, permanent = agent.layers.turns.clock(), agent.layers.permanent
    for key, value in (
        ("place", "Behind the stove"),
        ("spare key", "behind the stove, too"),
        ("age", "stove"),
    ):
        await permanent.upsert(key, value, owner="ana", at=at)
    await permanent.upsert("spare key", "lost", owner="ana", at=agent.layers.turns.clock())
    await permanent.set_identity("You guard what is behind the stove.", owner="ana")
    for turn_id, message in (("where", "Where is it?"), ("stoves", "Tell me about stoves.")):
        await agent.ask(message, owner="ana", thread=HERE, turn_id=turn_id)
        model.reply("Well.")
    quotations = await agent.removal.facts.quotations("place", "ana")
    assert [turn.turn_id for turn in quotations.turns] == ["where"]
    assert [fact.key for fact in quotations.facts] == ["spare key", "identity"]
    assert [turn.turn_id for turn in (await agent.removal.facts.quotations("age", "ana")).turns] == ["where"]
    assert await agent.removal.facts.versions("x" * 300, "ana") == []
    with pytest.raises(ValueError, match="300 characters"):
        await agent.forget(owner="ana", facts=["x" * 300])
    assert agent.layers.erasures.pending() == []


async def test_what_the_agent_noted_itself_leaves_the_conversation_and_later_prompts(
    agent: Agent, model: ModelServer
) -> None:
    model.reply(in_turn(calling("promote_memory", key="place", value=f"under the {SECRET}"), "Noted."))
    await agent.ask("Note where it is.", owner="ana", thread=HERE, turn_id="noted")
    assert [fact.key for fact in await agent.layers.permanent.facts(owner="ana")] == ["place"]
    await agent.forget(owner="ana", facts=["place"])
    assert found(agent.layers.settings.data_folder, SECRET) == {}
    model.reply("Well.")
    again = await agent.ask("And now?", owner="ana", thread=HERE, turn_id="now")
    assert [turn.evidence for turn in again["conversation"].turns] == [()]
    assert SECRET not in model.chats[-1].prompt


async def test_a_turn_in_flight_does_not_bring_it_back(agent: Agent, model: ModelServer) -> None:
    model.reply("Noted.")
    await remember(agent)
    call = calling("promote_memory", text="One moment.", key="place", value=f"in the {SECRET}")
    model.reply(in_turn(call, "Done."))
    model.hold_before, before = "moment", len(model.chats)
    asking = asyncio.create_task(agent.ask("Note it.", owner="ana", thread=THERE, turn_id="running"))
    async with asyncio.timeout(60):
        while len(model.chats) == before:  # noqa: ASYNC110 - a server in its own thread
            await asyncio.sleep(0.01)
        forgetting = asyncio.create_task(agent.forget(owner="ana", facts=["place"]))
        while await agent.layers.permanent.facts(owner="ana"):  # noqa: ASYNC110 - a thread removes it
            await asyncio.sleep(0.01)
        model.hold_before = ""
        await asyncio.gather(asking, forgetting)
    assert await agent.layers.permanent.facts(owner="ana") == []
    assert found(agent.layers.settings.data_folder, SECRET) == {}


async def test_another_owners_turn_that_has_the_same_words_goes_on(agent: Agent, model: ModelServer) -> None:
    model.reply(in_turn(Reply("", (ToolCall("set_identity", {"text": "A guide to Bucharest."}),)), "Done."))
    thread = thread_id("test", "bob", "here")
    events = [one async for one in agent.stream("Guide me!", owner="bob", thread=thread, turn_id="guide")]
    assert isinstance(events[-1], Waiting)
    await agent.layers.permanent.upsert("city", "Bucharest", owner="ana", at=agent.layers.turns.clock())
    await agent.forget(owner="ana", facts=["city"])
    assert await agent.waiting(thread, owner="bob") == events[-1]


async def test_a_copy_in_the_embedded_store_goes_too(settings: Settings, model: ModelServer) -> None:
    with running_letta_server(token="") as server:
        async with open_agent(settings.model_copy(update={"letta_url": SecretStr(server.url)})) as agent:
            at, layers = agent.layers.turns.clock(), agent.layers
            assert layers.permanent is not layers.embedded_permanent
            for store in (layers.permanent, layers.embedded_permanent):
                await store.upsert("place", f"under the {SECRET}", owner="ana", at=at)
            assert len(await agent.removal.facts.versions("place", "ana")) == 1
            await agent.forget(owner="ana", facts=["place"])
            assert await agent.removal.facts.versions("place", "ana") == []
            assert found(settings.data_folder, SECRET) == {}
            assert model.chats == []


async def test_a_fact_with_a_time_ahead_of_the_clock_goes_and_short_values_leave_other_threads_alone(
    agent: Agent, model: ModelServer
) -> None:
    model.reply(in_turn(Reply("", (ToolCall("set_identity", {"text": "A guide."}),)), "Done."))
    events = [one async for one in agent.stream("Guide me!", owner="ana", thread=HERE, turn_id="guide")]
    assert isinstance(events[-1], Waiting)
    ahead = agent.layers.turns.clock() + timedelta(seconds=30)
    await agent.layers.permanent.upsert("lucky number", "4", owner="ana", at=ahead)
    shown = await agent.ask("Good morning!", owner="ana", thread=THERE, turn_id="morning")
    assert [fact.value for fact in shown["fact_sheet"].facts] == ["4"]
    await agent.forget(owner="ana", facts=["lucky number"])
    assert await agent.layers.permanent.facts(owner="ana") == []
    assert await agent.last_turn(THERE) is None
    assert await agent.waiting(HERE, owner="ana") == events[-1]


async def test_the_journal_of_a_turn_that_broke_off_loses_the_lines_about_facts(agent: Agent) -> None:
    at, layers = agent.layers.turns.clock(), agent.layers
    await layers.permanent.upsert("place", SECRET, owner="ana", at=at)
    episode = Episode(turn_id="left", owner="ana", thread=HERE, message="Note it.", reply="", at=at)
    lines = (evidence_line("promote_memory", {"value": SECRET}, "Noted."), evidence_line("now", {}, "noon"))
    await layers.journal.add(JournalEntry(episode=episode, evidence=lines))
    await agent.forget(owner="ana", facts=["place"])
    assert [entry.evidence for entry in await layers.journal.of_owner("ana")] == [[lines[1]]]
