"""A turn that is removed is gone from every store and from the disk; the others stay."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bot.terminal.terminal_place import TerminalPlace
from graph.app import open_agent
from graph.events.turn_events import Finished, Piece
from graph.observability.logs import configure_logging
from graph.runtime.agent import Agent
from graph.runtime.erasure_search import search_stores, words_of
from graph.settings.settings import Settings, terminal_folder
from graph.state.circumstances import Circumstances, thread_id
from memory.database import owner_key
from memory.errors import TierUnavailable
from memory.models import EDIT_OF, Episode
from memory.provenance import Carrier, Part
from memory.working.redis_journal import JournalEntry
from tests.disk import found
from tests.servers.model import ModelServer

pytestmark = pytest.mark.usefixtures("hash_vectors")
SECRET = "xylophonicștefan"
HERE, THERE = thread_id("test", "ana", "here"), thread_id("test", "ana", "there")


@pytest.fixture
async def agent(settings: Settings) -> AsyncIterator[Agent]:
    talkative = settings.model_copy(update={"log_text": True})
    async with open_agent(talkative) as opened:
        with configure_logging(talkative):
            yield opened


async def talk(agent: Agent) -> None:
    """Tell a secret between two other turns, and recall it in another thread."""
    await agent.ask("My boat is called Merganser.", owner="ana", thread=HERE, turn_id="boat")
    told = f"My {SECRET} is hidden under the third step."
    await agent.ask(told, owner="ana", thread=HERE, turn_id="secret")
    await agent.ask("My bicycle is called Rosinante.", owner="ana", thread=HERE, turn_id="bicycle")
    await agent.layers.episodes.index(owner="ana")
    state = await agent.ask("Where is it hidden, the third step?", owner="ana", thread=THERE, turn_id="asked")
    assert "secret" in [candidate.turn_id for candidate in state["recall"].candidates]
    folder = terminal_folder(agent.layers.settings)
    folder.mkdir(exist_ok=True)
    (folder / f"{owner_key('ana')}.history").write_text(f"\n# now\n+{told}\n\n# later\n+kept\n")


async def test_no_byte_of_a_turn_stays_and_the_others_do(agent: Agent, model: ModelServer) -> None:
    model.reply("Noted.")
    await talk(agent)
    folder = agent.layers.settings.data_folder
    assert {path.split("/")[0] for path in found(folder, SECRET)} >= {"owners", "redis", "logs", "terminal"}
    assert await agent.forget(["secret"], owner="ana") == ()
    assert found(folder, SECRET) == {}
    assert found(folder, "Merganser")
    assert [episode.turn_id async for episode in agent.layers.episodes.all(owner="ana")] == [
        "boat",
        "bicycle",
        "asked",
    ]
    await agent.layers.episodes.index(owner="ana")
    asked = "What is my boat called, and where is the third step?"
    again = await agent.ask(asked, owner="ana", thread=HERE, turn_id="again")
    assert [turn.turn_id for turn in again["conversation"].turns] == ["boat", "bicycle"]
    assert {candidate.turn_id for candidate in again["recall"].candidates} == {"boat", "bicycle", "asked"}
    assert again["recall"].reports["thematic"].problem == ""
    assert agent.layers.erasures.pending() == []


async def test_a_typed_message_goes_from_the_terminals_history_whatever_ends_its_lines(
    agent: Agent, model: ModelServer
) -> None:
    model.reply("Noted.")
    signs = ("\n", "\r", "\u2028", "\x0b", "\x0c", "\x85")
    told = {f"secret-{sign.encode().hex()}": f"My {SECRET} is hidden{sign}under a step." for sign in signs}
    for turn_id, text in told.items():
        await agent.ask(text, owner="ana", thread=HERE, turn_id=turn_id)
    place = TerminalPlace("ana", HERE, terminal_folder(agent.layers.settings))
    place.folder.mkdir()
    for typed in (*told.values(), "kept"):
        place.history().store_string(typed)
    await agent.forget(list(told), owner="ana")
    assert [line for line in place.history().load_history_strings() if line.strip()] == ["kept"]
    assert found(agent.layers.settings.data_folder, SECRET) == {}


async def test_a_search_of_every_store_proves_it_and_names_what_repeats_it(
    agent: Agent, model: ModelServer
) -> None:
    model.reply("Noted.")
    await talk(agent)
    layers = agent.layers
    words = await words_of(layers, ["secret"], owner="ana")
    before = await search_stores(layers, words, owner="ana")
    assert {place.split("/")[0].split(":")[0] for place in before.found} >= {
        "owners",
        "redis",
        "logs",
        "Redis",
    }
    await agent.forget(["secret"], owner="ana")
    after = await search_stores(layers, words, owner="ana")
    assert (after.texts, after.found) == (1, ())
    assert after.files > 5
    assert after.entries > 5
    await layers.permanent.upsert("map", words[0], owner="ana", at=datetime.now(UTC))
    repeated = await search_stores(layers, words, owner="ana")
    assert {place.partition(".")[0] for place in repeated.found} == {f"owners/{owner_key('ana')}"}
    assert (await search_stores(layers, ["Noted."], owner="ana")).texts == 0


async def test_what_came_with_a_message_is_searched_for_too(agent: Agent) -> None:
    layers, text = agent.layers, f"The {SECRET} is under the third step."
    document = Part(text=text, carrier=Carrier.DOCUMENT, source="stairs.txt")
    episode = Episode(
        turn_id="read",
        owner="ana",
        thread=HERE,
        message="Read it, please.",
        reply="",
        at=layers.turns.clock(),
        parts=(document,),
    )
    await layers.episodes.append(episode)
    for words in (await words_of(layers, ["read"], owner="ana"), await words_of(layers, owner="ana")):
        assert text in words
        assert (await search_stores(layers, words, owner="ana")).found


async def test_a_turn_in_flight_does_not_bring_it_back(agent: Agent, model: ModelServer) -> None:
    model.reply("Noted.")
    await talk(agent)
    model.reply(f"The {SECRET} is there.")
    model.hold_before, told = "is", asyncio.Event()

    async def ask() -> None:
        async for event in agent.stream("And where?", owner="ana", thread=HERE, turn_id="running"):
            if isinstance(event, Piece):
                told.set()
            assert not isinstance(event, Finished) or event.state["archived"].episode

    asking = asyncio.create_task(ask())
    await asyncio.wait_for(told.wait(), 60)
    forgetting = asyncio.create_task(agent.forget(["secret"], owner="ana"))
    async with asyncio.timeout(60):
        while await agent.layers.episodes.get(["secret"], owner="ana"):  # noqa: ASYNC110 - a thread removes it
            await asyncio.sleep(0.01)
    model.hold_before = ""
    await asyncio.wait_for(asyncio.gather(asking, forgetting), 60)
    assert await agent.last_turn(HERE) is None
    left = found(agent.layers.settings.data_folder, f"My {SECRET}")
    assert left == {}


@pytest.mark.parametrize(("owner", "thread"), [("ana", HERE), ("bob", thread_id("test", "bob", "here"))])
async def test_a_turn_that_runs_in_another_process_is_waited_for(
    agent: Agent, model: ModelServer, settings: Settings, owner: str, thread: str
) -> None:
    model.reply("Noted.")
    await talk(agent)
    model.reply("Nothing else.")
    model.hold_before, before = "else", len(model.chats)
    async with open_agent(settings) as other:
        asking = asyncio.create_task(other.ask("And what?", owner=owner, thread=thread, turn_id="else"))
        while len(model.chats) == before:  # noqa: ASYNC110 - a server in its own thread
            await asyncio.sleep(0.01)
        forgetting = asyncio.create_task(agent.forget(["secret"], owner="ana"))
        await asyncio.sleep(0.5)
        assert not forgetting.done()
        model.hold_before = ""
        assert await forgetting == ()
        assert (await asking)["reply"].text == "Nothing else."
    assert found(agent.layers.settings.data_folder, SECRET) == {}
    again = await agent.ask("And now?", owner="ana", thread=HERE, turn_id="now")
    assert "secret" not in [turn.turn_id for turn in again["conversation"].turns]


async def test_the_earlier_version_of_an_edited_message_goes_too(agent: Agent, model: ModelServer) -> None:
    model.reply("Noted.")
    await talk(agent)
    for turn_id, former in (("edited", "secret"), ("retried", "edited")):
        await agent.removal.supersede(former, owner="ana")
        about = Circumstances(tags=(f"{EDIT_OF}{former}",))
        await agent.ask(f"My {SECRET} is gone.", owner="ana", thread=HERE, turn_id=turn_id, about=about)
    quotations = await agent.removal.quotations(["retried"], "ana")
    assert quotations.turns == ()
    await agent.forget(["retried"], owner="ana")
    assert found(agent.layers.settings.data_folder, SECRET) == {}


async def test_a_turn_that_was_killed_while_it_was_archived_is_gone_from_the_journal(
    agent: Agent, model: ModelServer
) -> None:
    model.reply("Noted.")
    await talk(agent)
    (episode,) = await agent.layers.episodes.get(["secret"], owner="ana")
    await agent.layers.journal.add(JournalEntry(episode=episode))
    await agent.forget(["secret"], owner="ana")
    assert found(agent.layers.settings.data_folder, SECRET) == {}


async def test_the_only_turn_of_a_thread_leaves_no_steps(agent: Agent, model: ModelServer) -> None:
    model.reply("Noted.")
    await agent.ask(f"My {SECRET} is hidden.", owner="ana", thread=HERE, turn_id="secret")
    await agent.forget(["secret"], owner="ana")
    assert await agent.last_turn(HERE) is None
    assert found(agent.layers.settings.data_folder, SECRET) == {}


async def test_to_forget_no_turn_is_not_to_forget_all(agent: Agent, model: ModelServer) -> None:
    model.reply("Noted.")
    await talk(agent)
    assert await agent.forget([], owner="ana") == ()
    assert await agent.layers.episodes.count(owner="ana") == 4


async def test_what_quotes_it_is_listed(agent: Agent, model: ModelServer) -> None:
    model.reply("You said that it is hidden under the third step.")
    await agent.layers.permanent.upsert(
        "place", "Under the third step", owner="ana", at=agent.layers.turns.clock()
    )
    await talk(agent)
    quotations = await agent.removal.quotations(["secret"], "ana")
    assert [turn.turn_id for turn in quotations.turns] == ["boat", "bicycle", "asked"]
    assert [fact.key for fact in quotations.facts] == ["place"]
    assert await agent.removal.quotations(["unknown"], "ana") == type(quotations)((), ())


async def test_a_removal_that_broke_off_is_finished_at_the_next_start(
    agent: Agent, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.reply("Noted.")
    await talk(agent)

    async def unreachable(*_: object, **__: object) -> None:
        raise TierUnavailable("working", "gone")

    with monkeypatch.context() as patch:
        patch.setattr(type(agent.layers.cache), "erase", unreachable)
        with pytest.raises(TierUnavailable):
            await agent.forget(["secret"], owner="ana")
    assert found(agent.layers.settings.data_folder, SECRET)
    await agent.resume()
    assert found(agent.layers.settings.data_folder, SECRET) == {}
    again = Episode(
        turn_id="secret", owner="ana", thread=HERE, message=SECRET, reply="", at=agent.layers.turns.clock()
    )
    assert not await agent.layers.episodes.append(again)


async def test_another_owners_turn_is_not_removed(agent: Agent, model: ModelServer) -> None:
    model.reply("Noted.")
    await talk(agent)
    await agent.forget(["secret"], owner="bob")
    assert await agent.layers.episodes.get(["secret"], owner="ana")
