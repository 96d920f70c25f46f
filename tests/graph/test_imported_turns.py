"""Imported messages, asked again as they came."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from graph.app import open_agent
from graph.layers import Layers
from graph.replay.imported_turns import ImportedTurns, NotAsked
from graph.replay.replay_plan import Obstacle
from graph.replay.replay_run import ReplayedTurn
from graph.replay.replayer import Replayer
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from memory.models import Episode
from memory.observation.observation import Observation
from memory.provenance import Carrier

OWNER = "ana"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LENIENT = TurnContext(gap_threshold=0.0, gap_break=100.0)
SAID = (
    ("home", "My daughter Ioana is allergic to peanuts.", "Noted."),
    ("work", "Ticket ABC-123 is about the login page of the county hospital.", "I see."),
    ("home", "", "A reply without a message."),
    ("home", "What is Ioana allergic to?", "Peanuts."),
    ("work", "Is ABC-123 solved?", "Not yet."),
    ("cafe", "Which cake may Ioana not eat, because she is allergic?", "Peanut cake."),
)


def imported(number: int) -> Episode:
    thread, message, reply = SAID[number]
    return Episode(
        turn_id=f"old-{number}",
        owner=OWNER,
        thread=thread,
        message=message,
        reply=reply,
        at=START + timedelta(days=number),
        carrier=Carrier.IMPORT,
    )


@pytest.fixture
async def layers(tmp_path: Path, hash_vectors: None) -> AsyncIterator[Layers]:
    """An import whose file has the latest conversation first, as many exports have."""
    async with open_agent(Settings(data_folder=tmp_path)) as agent:
        await agent.layers.episodes.append_many([imported(number) for number in (5, 1, 4, 0, 2, 3)])
        yield agent.layers


async def ask(layers: Layers, most: int = 100) -> list[Observation]:
    imports, found = ImportedTurns(layers, OWNER, LENIENT), list[Observation]()
    async for observation in imports.run(await imports.plan()):
        found.append(observation)
        if len(found) == most:
            break
    return found


async def replayed(layers: Layers) -> list[ReplayedTurn]:
    replayer = Replayer(layers, OWNER)
    return [turn async for turn in replayer.run(await replayer.plan())]


async def test_each_finds_what_was_said_before_it_whatever_the_order_of_the_file(layers: Layers) -> None:
    found = {one.turn_id: {judged.turn_id for judged in one.decisions} for one in await ask(layers)}
    assert list(found) == ["old-0", "old-1", "old-3", "old-4", "old-5"]
    assert "old-0" in found["old-3"] & found["old-5"]
    assert "old-1" in found["old-4"]
    assert all(memory < turn_id for turn_id, memories in found.items() for memory in memories)


async def test_its_own_conversation_was_before_it(layers: Layers) -> None:
    asked = {one.turn_id: one for one in await ask(layers)}
    assert [asked[f"old-{number}"].last_turn for number in (0, 3, 4, 5)] == ["", "old-2", "old-1", ""]
    earlier = {turn.turn.episode.turn_id: turn.turn.earlier for turn in await replayed(layers)}
    assert [turn.turn_id for turn in earlier["old-3"]] == ["old-0", "old-2"]
    assert all(turn.tokens for turn in earlier["old-3"])
    assert not earlier["old-5"]


async def test_a_replay_decides_them_again_as_recorded(layers: Layers) -> None:
    asked = await ask(layers)
    turns = await replayed(layers)
    assert [turn.turn.observation.turn_id for turn in turns] == [one.turn_id for one in asked]
    assert [turn.turn.episode.message for turn in turns if not turn.same] == []


async def test_what_is_imported_later_does_not_change_what_was_asked(layers: Layers) -> None:
    await ask(layers)
    earlier = Episode(
        turn_id="late-import",
        owner=OWNER,
        thread="home 2",
        message="Ioana is allergic to walnuts as well.",
        reply="",
        at=START + timedelta(hours=1),
        carrier=Carrier.IMPORT,
    )
    await layers.episodes.append(earlier)
    assert all(turn.same for turn in await replayed(layers))
    await ask(layers)
    turns = await replayed(layers)
    assert len(turns) == 6
    assert all(turn.same for turn in turns)


async def test_after_an_interruption_the_next_run_continues(layers: Layers) -> None:
    whole = await ask(layers)
    for one in whole[2:]:
        await layers.observations.remove(one.turn_id, owner=OWNER)
    rest = await ask(layers)
    assert [one.turn_id for one in rest] == [one.turn_id for one in whole[2:]]
    assert [one.decisions for one in rest] == [one.decisions for one in whole[2:]]


async def test_what_is_left_out_is_told_with_its_reason(layers: Layers) -> None:
    assert dict((await Replayer(layers, OWNER).plan()).left_out) == {Obstacle.IMPORTED: 5}
    await ask(layers, most=2)
    assert dict((await Replayer(layers, OWNER).plan()).left_out) == {Obstacle.IMPORTED: 3}
    left_out = (await ImportedTurns(layers, OWNER, LENIENT).plan()).left_out
    assert dict(left_out) == {NotAsked.ASKED: 2, NotAsked.NO_MESSAGE: 1}


async def test_vectors_of_another_model_are_asked_for_again(layers: Layers) -> None:
    asked = await ask(layers)
    await layers.observations.replace(replace(asked[2], model_of_vectors="another"), owner=OWNER)
    assert [one.turn_id for one in await ask(layers)] == [asked[2].turn_id]
    assert all(turn.same for turn in await replayed(layers))
