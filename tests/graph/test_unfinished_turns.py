"""Runs of a server that were stopped, killed or left at an approval: no word of theirs is lost."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.types import Command

from graph.builder import build_graph, make_archive
from graph.checkpoint.redis_saver import RedisSaver
from graph.checkpoint.serde import StateSerializer
from graph.runtime.agent import Agent
from graph.runtime.graph_runs import Compiled
from graph.settings.context import Experiment, TurnContext
from graph.state.circumstances import thread_id
from graph.state.turn_state import TurnInput
from graph.studio.left_turns import LeftTurns
from memory.models import Outcome
from tests.scripted import calling, in_turn
from tests.servers.model import ModelServer

OWNER = "ana"
THREAD = thread_id("test", "unfinished")
REPLY = "One two three four five."
CONFIG: Any = {"configurable": {"thread_id": THREAD}}

pytestmark = pytest.mark.asyncio(loop_scope="session")


class NoRuns:
    """A server that has just started and runs nothing again."""

    async def list(self, thread_id: str, *, status: Any) -> Sequence[Any]:
        return ()


class Server:
    """The graph as Studio's server runs it."""

    def __init__(self, agent: Agent) -> None:
        self.layers = agent.layers
        self.saver = RedisSaver(agent.layers.redis.client, serde=StateSerializer())
        built = build_graph(self.layers, journal=self.layers.journal)
        self.graph: Compiled = built.compile(checkpointer=self.saver)

    async def run(self, given: Any, **context: Any) -> Any:
        """Run a message, an answer or, with None, what is pending."""
        if isinstance(given, str):
            given = {"messages": [HumanMessage(given)]}
        return await self.graph.ainvoke(given, CONFIG, context=TurnContext(owner=OWNER, **context))

    async def stop_at(self, word: str, message: str, model: ModelServer, **context: Any) -> None:
        """Cancel a message's run when the reply has come to a word."""
        model.hold_before = word
        given, heard = TurnInput(messages=[HumanMessage(message)]), ""
        run = self.graph.astream(
            given, CONFIG, context=TurnContext(owner=OWNER, **context), stream_mode="custom"
        )
        before = REPLY.partition(word)[0]
        while heard != before:
            heard += str(await anext(run))
        waiting = asyncio.ensure_future(anext(run))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        model.hold_before = ""

    async def start_again(self) -> None:
        """Archive what is left, as a new server does."""
        archive = make_archive(self.layers, self.layers.journal)
        await LeftTurns(self.layers.journal, archive, self.saver, NoRuns()).archive_all()

    async def archived(self) -> list[tuple[str, str]]:
        """Return what the archive has, oldest first."""
        return [(one.message, one.reply) async for one in self.layers.episodes.all(owner=OWNER)]


@pytest.fixture
def server(agent: Agent, model: ModelServer) -> Server:
    model.reply(REPLY)
    return Server(agent)


@pytest.mark.parametrize("rolled_back", [False, True])
async def test_a_stopped_run_is_archived_with_its_reply_so_far_when_the_next_begins(
    server: Server, model: ModelServer, *, rolled_back: bool
) -> None:
    await server.stop_at("four", "Count for me.", model)
    if rolled_back:
        await server.saver.adelete_thread(THREAD)
    assert await server.archived() == []
    state = await server.run("And again.")
    (before,) = state["conversation"].turns
    assert (before.message, before.reply) == ("Count for me.", "One two three")
    stopped, _ = [one async for one in server.layers.episodes.all(owner=OWNER)]
    assert (stopped.reply, stopped.tags) == ("One two three", (Outcome.INTERRUPTED.value,))
    assert await server.layers.journal.of_owner(OWNER) == []


async def test_a_stopped_run_that_goes_on_is_archived_once_and_whole(
    server: Server, model: ModelServer
) -> None:
    await server.stop_at("four", "Count for me.", model)
    state = await server.run(None)
    assert state["archived"].episode
    await server.run("And again.")
    assert await server.archived() == [("Count for me.", REPLY), ("And again.", REPLY)]


async def test_a_stopped_run_that_begins_again_and_is_stopped_before_a_word_keeps_its_words(
    server: Server, model: ModelServer
) -> None:
    await server.stop_at("four", "Count for me.", model)
    steps = [step async for step in server.graph.aget_state_history(CONFIG)]
    first = next(step for step in steps if "prefetch" in step.next)
    model.hold_before = "One"
    run = asyncio.create_task(server.graph.ainvoke(None, first.config, context=TurnContext(owner=OWNER)))
    asked = len(model.chats)
    async with asyncio.timeout(100):
        while len(model.chats) == asked:  # noqa: ASYNC110 - in another thread
            await asyncio.sleep(0.01)
    run.cancel()
    await asyncio.wait([run])
    model.hold_before = ""
    await server.start_again()
    assert await server.archived() == [("Count for me.", "One two three")]


async def test_a_call_that_is_left_for_another_message_leaves_its_words(
    server: Server, model: ModelServer
) -> None:
    model.reply(in_turn(calling("delete_file", text="I will ask.", name="x"), "Good."))
    await server.run("Delete it.")
    await server.start_again()
    assert await server.archived() == []
    await server.run("No, wait.")
    assert await server.archived() == [("Delete it.", "I will ask."), ("No, wait.", "Good.")]


async def test_a_starting_server_archives_what_was_stopped_and_leaves_what_can_be_approved(
    server: Server, model: ModelServer
) -> None:
    await server.stop_at("four", "Count for me.", model)
    await server.start_again()
    assert await server.archived() == [("Count for me.", "One two three")]
    await server.saver.adelete_thread(THREAD)
    model.reply(in_turn(calling("delete_file", name="x"), "Done."))
    await server.run("Delete it.")
    await server.start_again()
    await server.run(Command(resume="yes"))
    assert (await server.archived())[1:] == [("Delete it.", "Done.")]


async def test_an_experiment_with_a_stopped_run_leaves_its_words_as_they_were(
    server: Server, model: ModelServer
) -> None:
    await server.stop_at("four", "Count for me.", model)
    model.reply("Said in an experiment.")
    state = await server.run(None, experiment=Experiment.ON)
    assert state["archived"].experiment
    await server.start_again()
    assert await server.archived() == [("Count for me.", "One two three")]


async def test_nothing_of_an_experiment_is_kept(server: Server, model: ModelServer) -> None:
    await server.stop_at("four", "What if?", model, experiment=Experiment.ON)
    await server.start_again()
    await server.run("Count for me.")
    assert await server.archived() == [("Count for me.", REPLY)]
