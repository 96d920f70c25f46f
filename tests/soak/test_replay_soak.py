"""Five hundred live turns, two at once, with tools and changed settings, decided again byte for byte."""

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from graph.app import open_agent
from graph.replay.replayer import Replayer
from graph.runtime.agent import Agent
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.state.circumstances import Circumstances, thread_id
from memory.recall.ranking import RankRule
from tests.scripted import calling, in_turn
from tests.servers.model import ModelServer

TURNS = 500
THREADS = 6
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
WHO = ("Ioana", "Matei", "the plumber", "doctor Marinescu", "aunt Elena", "the neighbour")
DID = ("painted", "sold", "repaired", "forgot", "is allergic to", "asked about", "lost")
WHAT = ("the garage door", "the blue boat", "peanuts", "ticket ABC-123", "the hospital bill", "a piano")
SETTINGS = (
    TurnContext(gap_threshold=0.1, prefetch_timeout=20),
    TurnContext(gap_threshold=0.05, gap_break=100, rank_rule=RankRule.BLEND, prefetch_timeout=20),
    TurnContext(gap_threshold=0.1, l2_cap=150, prefetch_results=6, prefetch_timeout=20),
)


def sentence(chance: random.Random, number: int) -> str:
    who, did, what = chance.choice(WHO), chance.choice(DID), chance.choice(WHAT)
    return chance.choice(
        (
            f"{who} {did} {what}, which makes {number}.",
            f"What did I say about {who} and {what}?",
            f"And what about {who}?",
            "What did we talk about yesterday?",
        )
    )


async def ask(agent: Agent, chance: random.Random, number: int) -> None:
    await agent.ask(
        sentence(chance, number),
        owner="ana",
        thread=thread_id("test", str(number % THREADS)),
        about=Circumstances(at=START + timedelta(hours=2 * number)),
        context=chance.choice(SETTINGS),
    )


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_five_hundred_live_turns_are_decided_again_as_recorded(
    settings: Settings, model: ModelServer, hash_vectors: None, capsys: pytest.CaptureFixture[str]
) -> None:
    chance, began = random.Random(500), time.monotonic()
    async with open_agent(settings) as agent:
        for number in range(0, TURNS, 2):
            model.reply(f"Noted as number {number}.")
            if number % 50 == 0:
                model.reply(in_turn(calling("promote_memory", key=f"k{number}", value="a piano"), "Kept."))
            await asyncio.gather(ask(agent, chance, number), ask(agent, chance, number + 1))
        await agent.layers.recorder.flush()
        replayer, asked = Replayer(agent.layers, "ana"), time.monotonic()
        plan = await replayer.plan()
        turns = [(turn.same, len(turn.again.shown)) async for turn in replayer.run(plan)]
    with capsys.disabled():
        print(  # noqa: T201 - what a soak is run for
            f"\n{TURNS} turns in {asked - began:.0f} s, replayed in {time.monotonic() - asked:.0f} s, "
            f"{sum(shown for _, shown in turns)} memories shown"
        )
    assert not plan.left_out
    assert len(turns) == TURNS
    assert all(same for same, _ in turns)
