"""What is erased is gone from the disk: no byte of it is in any file, whatever runs or is killed."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

import graph.layers
from graph.app import open_agent
from graph.events.turn_events import Finished, Piece
from graph.observability.logs import configure_logging
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.state.circumstances import thread_id
from memory.errors import ThreadBusy
from memory.owners.erasures import Erasures
from tests.agent_settings import settings_of
from tests.crash.settings import environment
from tests.disk import found
from tests.erasing import POINTS, fill, secret
from tests.nursery import Nursery
from tests.servers.hash_embeddings import HashEmbeddings
from tests.servers.letta import running_letta_server
from tests.servers.model import ModelServer

pytestmark = pytest.mark.usefixtures("hash_vectors")


@pytest.fixture
async def agent(settings: Settings) -> AsyncIterator[Agent]:
    talkative = settings.model_copy(update={"log_text": True})
    async with open_agent(talkative) as opened:
        with configure_logging(talkative):
            yield opened


async def test_no_byte_of_an_owner_stays_and_every_byte_of_the_others_does(agent: Agent) -> None:
    folder = agent.layers.settings.data_folder
    for owner in ("ana", "bob"):
        await fill(agent, owner)
    before = found(folder, secret("ana"))
    places = {path.split("/")[0] for path in before}
    assert places == {"owners", "redis", "chroma", "logs", "artifacts", "terminal", "exports"}
    assert await agent.erase("ana") == ()
    assert found(folder, secret("ana")) == {}
    assert {path.split("/")[0] for path in found(folder, secret("bob"))} == places
    assert await agent.layers.episodes.count(owner="bob") == 3
    again = await agent.ask("What colour is it?", owner="ana", thread=thread_id("test", "ana", "0"))
    assert not again["recall"].candidates
    assert not again["conversation"].turns
    theirs = await agent.ask("What colour is my xylophonicbobștefan?", owner="bob", thread=thread_id("new"))
    assert len(theirs["recall"].candidates) == 3


async def test_a_turn_in_flight_is_stopped_and_goes_too(agent: Agent, model: ModelServer) -> None:
    folder, told = agent.layers.settings.data_folder, asyncio.Event()
    await fill(agent, "ana")
    model.reply(lambda _: f"So it is, and {secret('ana')} for ever.")
    model.hold_before = "for"

    async def talk() -> bool:
        ended = False
        question = f"And the {secret('ana')}?"
        async for event in agent.stream(question, owner="ana", thread=thread_id("test", "ana", "new")):
            if isinstance(event, Piece):
                told.set()
            ended = isinstance(event, Finished)
        return ended

    talking = asyncio.create_task(talk())
    await asyncio.wait_for(told.wait(), 60)
    await agent.erase("ana")
    assert await asyncio.wait_for(talking, 60)
    assert found(folder, secret("ana")) == {}
    assert await agent.layers.episodes.count(owner="ana") == 0


async def test_what_begins_meanwhile_goes_too(agent: Agent) -> None:
    """A turn that begins in the midst of it may have read what is erased before it is."""
    folder, late = agent.layers.settings.data_folder, thread_id("test", "ana", "late")
    await fill(agent, "ana")
    begun: list[str] = []
    hold = agent._erasure.hold

    @asynccontextmanager
    async def hold_and_talk(thread: str) -> AsyncIterator[None]:
        async with hold(thread):
            yield
        if not begun:
            begun.append(thread)
            await agent.ask(f"And the {secret('ana')}?", owner="ana", thread=late)

    agent._erasure = replace(agent._erasure, hold=hold_and_talk)
    await agent.erase("ana")
    assert begun
    assert await agent.last_turn(late) is None
    assert found(folder, secret("ana")) == {}


@pytest.mark.parametrize("kind", ["blobs", "checkpoints"])
@pytest.mark.parametrize("whole", [True, False])
async def test_a_thread_whose_checkpoints_are_damaged_goes_too(agent: Agent, kind: str, whole: bool) -> None:
    thread = thread_id("test", "ana", "damaged")
    for number in range(2):
        await agent.ask(f"My kayak number {number}.", owner="ana", thread=thread, turn_id=f"turn-{number}")
    client = await agent.layers.redis.client()
    key = f"goat:checkpoint:{{{thread}}}:{kind}:"
    for name in await client.hkeys(key):
        await client.hset(key, name, b"Turn\0{")
    async with open_agent(agent.layers.settings) as another:  # it has no checkpoint in its cache
        await (another.erase("ana") if whole else another.forget(["turn-0"], owner="ana"))
        assert await another.layers.episodes.count(owner="ana") == (0 if whole else 1)
    assert not await client.keys(f"goat:checkpoint:{{{thread}}}*")


async def test_facts_go_wherever_they_are_kept(settings: Settings) -> None:
    with running_letta_server() as letta:
        moved = settings.model_copy(update={"letta_url": SecretStr(letta.url)})
        async with open_agent(moved) as agent:
            for store in (agent.layers.embedded_permanent, agent.layers.letta_permanent):
                await store.upsert("pet", secret("ana"), owner="ana", at=datetime.now(UTC))
            assert found(settings.data_folder, secret("ana"))
            await agent.erase("ana")
            assert not letta.state.agents
            assert found(settings.data_folder, secret("ana")) == {}


@pytest.fixture(scope="module")
def filled_folder(tmp_path_factory: pytest.TempPathFactory, _model_server: ModelServer) -> Path:
    """A data folder that an agent has filled and closed."""
    folder = tmp_path_factory.mktemp("filled")

    async def begin() -> None:
        async with open_agent(settings_of(folder, _model_server)) as agent:
            await fill(agent, "ana", turns=2)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings())
        asyncio.run(begin())
    assert found(folder, secret("ana"))
    return folder


@pytest.mark.parametrize("point", POINTS)
async def test_what_a_kill_breaks_off_goes_on_at_the_next_start(
    filled_folder: Path, tmp_path: Path, model: ModelServer, nursery: Nursery, point: str
) -> None:
    data = shutil.copytree(filled_folder, tmp_path / "data")
    same = settings_of(data, model)
    life = nursery.begin("-m", "tests.erasing", "ana", point, environment=environment(same), hashed=True)
    assert life.wait() == -signal.SIGKILL
    async with open_agent(same) as agent:
        await agent.resume()
        assert found(data, secret("ana")) == {}
        assert await agent.layers.episodes.count(owner="ana") == 0
        await agent.ask("I am back.", owner="ana", thread=thread_id("test", "ana", "0"))
        await agent.resume()
        assert await agent.layers.episodes.count(owner="ana") == 1


async def test_what_cannot_be_cleaned_is_said(agent: Agent) -> None:
    client = await agent.layers.redis.client()
    await client.acl_setuser("default", enabled=True, commands=["-bgrewriteaof"], nopass=True)
    (left,) = await agent.erase("ana")
    assert "Redis does not let its files be rewritten" in left


async def test_an_erasing_that_failed_does_not_come_back_for_what_is_said_later(agent: Agent) -> None:
    erasures = agent.layers.erasures
    with pytest.raises(ZeroDivisionError), erasures.begin("ana"):
        raise ZeroDivisionError
    assert erasures.pending() == []
    with erasures.begin("ana"):
        assert [one.owner for one in erasures.pending()] == ["ana"]
        with pytest.raises(ThreadBusy, match="Another process"):
            await agent.erase("ana")
    assert erasures.pending() == []


async def test_a_whole_erasing_that_failed_leaves_an_unfinished_removal_as_it_was(settings: Settings) -> None:
    erasures = Erasures(settings.data_folder / "erasing")
    with pytest.raises(ZeroDivisionError), erasures.begin("ana", ["t1"]):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), erasures.begin("ana"):
        raise ZeroDivisionError
    assert [one.turn_ids for one in erasures.pending()] == [("t1",)]


async def test_no_turns_to_forget_are_not_all_of_them(agent: Agent) -> None:
    await fill(agent, "ana", turns=1)
    assert await agent.forget([], owner="ana") == ()
    assert await agent.layers.episodes.count(owner="ana") == 1


async def test_threads_stay_known_when_what_told_of_them_is_gone(settings: Settings) -> None:
    erasures = Erasures(settings.data_folder / "erasing")

    def break_off() -> None:
        with erasures.begin("ana\udc80") as begun:
            begun.add(["one", "two"])
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        break_off()
    assert [one.owner for one in erasures.pending()] == ["ana\udc80"]
    with erasures.begin("ana\udc80") as again:
        assert again.threads == ("one", "two")
    assert erasures.pending() == []
