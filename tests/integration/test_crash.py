"""Killed at any point, the next start finishes what was begun: nothing is lost, nothing stands twice."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from langchain_core.runnables import RunnableConfig

from graph.app import open_agent
from graph.checkpoint.redis_saver import RedisSaver
from graph.events.turn_events import Finished, NodeFinished, Piece
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from memory.episodic.episode_archive import EpisodeArchive
from memory.errors import ThreadBusy, TierUnavailable
from memory.models import Episode
from tests.agent_settings import settings_of
from tests.crash.check import check
from tests.crash.running import running_trial
from tests.crash.script import LANES
from tests.crash.settings import environment
from tests.crash.told import NumberedReplies
from tests.crash.trial import kill_server
from tests.crash.worker import Orders
from tests.nursery import Life, Nursery
from tests.servers.model import ModelServer

LANE = LANES[0]
STEPS = ["prefetch", "gap_filter", "budget", "assemble", "respond", "archive"]
FIRST_AFTER_REPLY = 7
"""Input, start, fetches, filter, budget and prompt each have a checkpoint before that of the reply."""


@pytest.fixture
def settings(tmp_path: Path, model: ModelServer, hash_vectors: None) -> Settings:
    return settings_of(tmp_path / "data", model)


async def ask(agent: Agent, position: int = 0) -> str:
    """Send one of the lane's turns, and return the reply."""
    state = await agent.ask(
        LANE.message(position), owner=LANE.owner, thread=LANE.thread, turn_id=LANE.turn_id(position)
    )
    return state["reply"].text


async def standing(agent: Agent) -> tuple[list[str], list[str]]:
    """Return the turn ids of the lane in L2 and in L3, oldest first."""
    window = await agent.layers.conversations.window(owner=LANE.owner, thread=LANE.thread, max_tokens=10**9)
    episodes = await agent.layers.episodes.recent(owner=LANE.owner, limit=10**6)
    archived = [episode.turn_id for episode in reversed(episodes) if episode.thread == LANE.thread]
    return [turn.turn_id for turn in window], archived


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", [1, pytest.param(12, marks=pytest.mark.process)])
async def test_nothing_is_lost_or_doubled_over_kills(
    nursery: Nursery, tmp_path: Path, hash_vectors: None, kills: int
) -> None:
    with running_trial(nursery, tmp_path / "data", seed=12) as (trial, settings):
        await asyncio.to_thread(trial.kill, kills)
        async with open_agent(settings) as agent:
            found = await check(agent, trial.told, trial.replies)
    assert sum(trial.told.sent.values()) > 0
    assert found.all == []


async def test_a_step_is_told_when_it_is_in_a_checkpoint(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slowly(saver: RedisSaver, *args: Any) -> RunnableConfig:
        await asyncio.sleep(0.05)
        return await aput(saver, *args)

    aput = RedisSaver.aput
    monkeypatch.setattr(RedisSaver, "aput", slowly)
    async with open_agent(settings) as agent:
        async for point, _ in points(agent, 0):
            if point == "respond":
                stored = await agent._saver.aget_tuple({"configurable": {"thread_id": LANE.thread}})
                assert stored is not None
                assert "reply" in stored.checkpoint["channel_values"]


@pytest.mark.parametrize(
    "checkpoint",
    [1, 2, FIRST_AFTER_REPLY, 8, *(pytest.param(n, marks=pytest.mark.process) for n in range(3, 7))],
)
async def test_a_step_that_is_done_but_in_no_checkpoint_is_not_taken_for_the_end(
    settings: Settings, model: ModelServer, monkeypatch: pytest.MonkeyPatch, checkpoint: int
) -> None:
    stored = 0

    async def fail(saver: RedisSaver, *args: Any) -> RunnableConfig:
        nonlocal stored
        stored += 1
        if stored == checkpoint:
            raise TierUnavailable("working", "gone")
        return await aput(saver, *args)

    aput = RedisSaver.aput
    async with open_agent(settings) as agent:
        with monkeypatch.context() as patch:
            patch.setattr(RedisSaver, "aput", fail)
            with pytest.raises(TierUnavailable):
                await ask(agent)
        asked = len(model.chats)
    async with open_agent(settings) as agent:
        resumed = [state["turn"].turn_id for state in await agent.resume()]
        assert resumed == [LANE.turn_id(0)] * (checkpoint > 1)
        assert await standing(agent) == (resumed, resumed)
        await ask(agent)
        assert await standing(agent) == ([LANE.turn_id(0)],) * 2
    assert len(model.chats) == 1
    assert asked == (checkpoint > FIRST_AFTER_REPLY - 1)


async def test_a_turn_that_cannot_be_finished_does_not_hold_up_the_others(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> bool:
        raise TierUnavailable("episodic", "the disk is full")

    async with open_agent(settings) as agent:
        with monkeypatch.context() as patch:
            patch.setattr(EpisodeArchive, "append", refuse)
            for lane in LANES:
                with pytest.raises(TierUnavailable, match="disk is full"):
                    await agent.ask("x", owner=lane.owner, thread=lane.thread)
    append = EpisodeArchive.append

    async def refuse_one(archive: EpisodeArchive, episode: Episode, shown: Sequence[str]) -> bool:
        return await (refuse() if episode.thread == LANE.thread else append(archive, episode, shown))

    async with open_agent(settings) as agent:
        with monkeypatch.context() as patch:
            patch.setattr(EpisodeArchive, "append", refuse_one)
            assert {state["turn"].thread for state in await agent.resume()} == {
                lane.thread for lane in LANES[1:]
            }
        assert [state["turn"].thread for state in await agent.resume()] == [LANE.thread]


async def test_the_redis_server_is_killed_in_the_middle_of_turns(
    settings: Settings, model: ModelServer
) -> None:
    model.reply(replies := NumberedReplies())
    model.delay_per_chunk = 0.01
    shown: dict[str, str] = {}
    async with open_agent(settings) as agent:
        for position, point in enumerate([*STEPS, "piece", "finished"]):
            killed = False
            with contextlib.suppress(TierUnavailable):
                async for name, reply in points(agent, position):
                    if reply:
                        shown[LANE.turn_id(position)] = reply
                    if name == point and not killed:
                        killed = kill_server(settings.data_folder)
            assert killed
            again = await ask(agent, position)
            assert again == shown.get(LANE.turn_id(position), again)
            assert await ask(agent, position) == again
        expected = [LANE.turn_id(position) for position in range(len(STEPS) + 2)]
        assert await standing(agent) == (expected, expected)
        assert await agent.resume() == []
    assert {turn_id: len(numbers) for turn_id, numbers in replies.asked.items() if turn_id in shown} == (
        dict.fromkeys(shown, 1)
    )


async def points(agent: Agent, position: int) -> AsyncIterator[tuple[str, str]]:
    """Run a turn; yield each point that it reaches, with the reply once it is complete."""
    text, turn_id = "", LANE.turn_id(position)
    stream = agent.stream(LANE.message(position), owner=LANE.owner, thread=LANE.thread, turn_id=turn_id)
    async for event in stream:
        match event:
            case Piece():
                text += event.text
                yield "piece", ""
            case NodeFinished():
                yield event.node, text if event.node == "respond" else ""
            case Finished():
                yield "finished", event.state["reply"].text


def end(life: Life, *, buried: bool) -> None:
    """Kill a process; what keeps it stands still and does not bury it, unless it is to be buried."""
    if buried:
        life.kill()
        return
    os.kill(life.keeper, signal.SIGSTOP)
    life.signal(signal.SIGKILL)
    while psutil.Process(life.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)


async def keep_the_leases(agent: Agent) -> None:
    """Have no lease run out: who takes a thread over must have found out that its holder is dead."""
    client = await agent.layers.redis.client()
    leases = await client.keys("*:lease")
    assert len(leases) == len(LANES)
    for lease in leases:
        await client.persist(lease)


@pytest.mark.parametrize("buried", [True, False], ids=["buried", "zombie"])
async def test_a_turn_of_a_living_process_is_left_to_it_and_of_a_dead_one_taken_over(
    nursery: Nursery, settings: Settings, model: ModelServer, buried: bool
) -> None:
    model.delay_per_chunk = 600
    words = ("-m", "tests.crash.worker", Orders(turns=1).dump())
    with nursery.living(*words, environment=environment(settings)) as other:
        async with open_agent(settings) as agent:
            async with asyncio.timeout(100):
                while len(model.chats) < len(LANES):  # noqa: ASYNC110 - another process asks
                    await asyncio.sleep(0.01)
            assert await agent.resume() == []
            with pytest.raises(ThreadBusy, match="Another process is answering"):
                await ask(agent, 1)
            assert len(model.chats) == len(LANES)
            model.delay_per_chunk = 0
            await asyncio.to_thread(end, other, buried=buried)
            await keep_the_leases(agent)
            resumed = {state["turn"].turn_id for state in await agent.resume()}
            assert resumed == {lane.turn_id(0) for lane in LANES}
            await ask(agent, 1)
            assert await standing(agent) == ([LANE.turn_id(0), LANE.turn_id(1)],) * 2
            assert len(model.chats) == 2 * len(LANES) + 1
