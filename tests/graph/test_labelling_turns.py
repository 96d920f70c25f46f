"""Past turns of a real agent, labelled and taken apart."""

import asyncio
import gc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.lab.bench.bench_layers import temporary_settings
from bot.lab.dissection import candidates_table, nodes_table, prompt_text, query_table, schedule
from bot.lab.notebook_agent import Fault, layer_use, layers_table, outages, send_messages
from bot.lab.past import notebook_archive as opened
from bot.lab.past.labelled_turns import label_halves
from bot.lab.past.labels import Labels, weak_labels
from bot.lab.past.notebook_archive import (
    OWNER,
    SentMessage,
    day_of,
    label,
    open_archive,
    play_days,
    react,
    story,
)
from bot.lab.past.own_past import Past
from bot.lab.past.past_turns import MOST_OFFERED, draw_sample, offer_memories, past_turns
from bot.lab.past.session import LabellingSession
from graph.app import open_agent
from graph.layers import Layers
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.state.circumstances import Circumstances
from memory.errors import ConfigError
from memory.models import Episode

MORNING = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def agent(e5_agent: Agent) -> Agent:
    return e5_agent


def short_story() -> tuple[list[SentMessage], list[Episode]]:
    """Return the first days of the demonstration, and all that is asked about them in the first two weeks."""
    said, told = story()
    early = [one for one in told if day_of(one) < 5]
    known = {one.turn_id for one in early}
    asked = [one for one in said if one.day < 14 and one.gold in known]
    idle = [one for one in said if one.day < 5 and not one.gold]
    return sorted([*asked, *idle][:16], key=lambda one: one.day), early


def test_the_story_can_be_known_before_it_is_asked() -> None:
    said, told = story()
    days = {one.turn_id: day_of(one) for one in told}
    assert len(said) > 150
    assert len({one.turn_id for one in said}) == len(said)
    assert all(days[one.gold] < one.day for one in said if one.gold)
    assert 50 < sum(not one.gold for one in said) < 100
    assert story() == (said, told)


async def test_an_archive_is_replayed_labelled_and_parted(settings: Settings, tmp_path: Path) -> None:
    said, told = short_story()
    async with open_agent(temporary_settings(settings, tmp_path / "own", OWNER)) as agent:
        await play_days(agent, said, told)
        layers = agent.layers
        context = layers.settings.turn_context(OWNER)
        turns = await past_turns(layers, OWNER, context)
        assert {turn.turn_id for turn in turns} == {one.turn_id for one in said}
        recorded = {one.turn_id: one for one in await layers.observations.all(owner=OWNER)}
        for turn in turns:
            shown = [judged.turn_id for judged in recorded[turn.turn_id].decisions if judged.kept]
            assert turn.shown(context) == shown
            assert {*shown} <= {one.turn_id for one in turn.offered}
            assert len(turn.offered) <= MOST_OFFERED
            offered = offer_memories(turn.state, context, turn.calibration)
            assert [one.turn_id for one in offered] == [one.turn_id for one in turn.offered]
            chances = [one.probability for one in offered]
            assert chances == sorted(chances, reverse=True)
        gold = {one.turn_id: one.gold for one in said}
        said_by_hand = Labels(layers.labels, OWNER)
        session = LabellingSession(said_by_hand, draw_sample(turns))
        await label(session, gold)
        labels = await layers.labels.all(owner=OWNER)
        assert len(labels) == session.progress.labels > 10
        assert {(one.turn_id, one.memory) for one in labels if one.relevant} <= set(gold.items())
        parts = label_halves(turns, said_by_hand)
        assert len(parts.choosing) + len(parts.testing) == session.progress.turns
        await react(agent, turns, gold)
        weak = weak_labels(await layers.feedback.all(owner=OWNER), recorded.values())
        assert weak
        assert all((gold[one.turn_id] == one.memory) <= one.relevant for one in weak)


async def test_a_data_folder_without_turns_stays_as_it_is(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hash_vectors: None
) -> None:
    monkeypatch.setattr(opened, "story", short_story)
    empty = settings.model_copy(update={"data_folder": tmp_path / "nothing"})
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "models").symlink_to(settings.data_folder / "models")
    async with open_archive(empty) as archive:
        assert archive.demonstration is not None
        assert "DEMONSTRATION" in str(archive)
        assert archive.layers.settings.data_folder != tmp_path / "nothing"
    assert [path.name for path in (tmp_path / "nothing").iterdir()] == ["models"]


async def test_an_own_archive_is_opened_and_left_alone(agent: Agent, settings: Settings) -> None:
    await agent.ask("My bike is green.", owner=settings.owner, thread="1")
    await agent.layers.recorder.flush()
    async with open_archive(settings) as archive:
        assert archive.demonstration is None
        assert str(archive) == f"Your own archive: 1 recorded turns of {settings.owner!r}."
        context = settings.turn_context(archive.owner)
        (turn,) = await past_turns(archive.layers, archive.owner, context)
        assert turn.message == "My bike is green."
        assert not turn.offered
    assert await agent.layers.episodes.count(owner=settings.owner) == 1


async def test_a_named_owner_without_turns_is_no_demonstration(
    agent: Agent, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "story", short_story)
    await agent.ask("My bike is green.", owner=settings.owner, thread="1")
    await agent.layers.recorder.flush()
    with pytest.raises(ConfigError, match="No turn of 'mispelt' is recorded or imported"):
        async with open_archive(settings, "mispelt"):
            pass


async def test_a_turn_is_taken_apart(agent: Agent) -> None:
    for text in ("My sister Ioana is allergic to peanuts.", "Where did I park?"):
        await agent.ask(text, owner="ana", thread="1")
    state = await agent.ask("What is Ioana allergic to?", owner="ana", thread="2")
    spans = schedule(state)
    assert [name for name, *_ in spans][:2] == ["prefetch", "identity"]
    assert spans[-1][0] == "archive"
    assert all(began <= ended for _, began, ended in spans)
    assert {row[0] for row in nodes_table(state).rows} >= {"prefetch", "gap_filter", "budget", "archive"}
    assert ("the message", "What is Ioana allergic to?") in query_table(state).rows
    first = candidates_table(state, UTC).rows[0]
    assert "shown" in first
    assert "My sister Ioana is allergic to peanuts." in first
    prompt = prompt_text(state, most=200)
    assert "<recalled_memory>" in prompt
    assert "characters left out" in prompt


async def test_layers_and_outages_are_told(settings: Settings, tmp_path: Path) -> None:
    own = temporary_settings(settings, tmp_path / "own", "ana").model_copy(update={"prefetch_timeout": 20.0})
    async with open_agent(own) as agent:
        await agent.layers.permanent.upsert("city", "Cluj", owner="ana", at=MORNING)
        messages = ["My sister Ioana is allergic to peanuts.", "What should we cook on Sunday?"]
        states = await send_messages(agent, "ana", messages, MORNING)
        count = await agent.layers.tokens.ready()
        taken = layer_use(states[-1], count)
        assert all(tokens >= 0 for tokens in taken)
        assert taken[0] + taken[1] == states[-1]["allocation"].fixed
        rows = {row[0]: row for row in (await layers_table(agent, "ana", states)).rows}
        assert rows["L1 facts"][1] == "1 facts"
        assert rows["L3 memory"][1] == "2 turns"
    nobody = SecretStr("http://127.0.0.1:9")
    faults = [
        Fault(name="nothing"),
        Fault(name="no vectors", settings={"chroma_url": nobody}),
        Fault(name="no facts", settings={"letta_url": nobody}),
        Fault(name="other thresholds", thresholds={"gap_threshold": 1.0}),
    ]
    told = {row[0]: row for row in (await outages(own, "ana", "What is Ioana allergic to?", faults)).rows}
    assert told["nothing"][1:4] == ("goes on", 1, 1)
    assert told["no vectors"][1:4] == ("goes on", 1, 1)
    assert "Chroma" in str(told["no vectors"][-1])
    assert told["no facts"][1:4] == ("goes on", 1, 0)
    assert "Letta" in str(told["no facts"][-1])
    assert told["other thresholds"][1:4] == ("goes on", 0, 1)


async def test_turns_before_since_are_left_out_and_counted(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOAT_DATA_FOLDER", str(data_folder))
    async with open_agent(Settings(data_folder=data_folder)) as agent:
        for day in range(3):
            sent = Circumstances(at=MORNING + timedelta(days=day))
            await agent.ask("I planted basil.", owner=OWNER, thread="1", about=sent)
    past = await Past.open(OWNER, folder=tmp_path, since="2026-03-03")
    assert "3 recorded turns" in str(past)
    assert "1 of 1 turns" in str(past)
    assert "2 turns left out: before 2026-03-03 00:00" in str(past)
    await past.close()


async def test_a_past_that_is_opened_again_closes_the_former_one(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOAT_DATA_FOLDER", str(data_folder))
    async with open_agent(Settings(data_folder=data_folder)) as agent:
        await agent.ask("I planted basil.", owner=OWNER, thread="1")
    loop, reported, closed, close = asyncio.get_running_loop(), list[object](), list[int](), Layers.close

    async def noted(layers: Layers) -> None:
        await close(layers)
        closed.append(id(layers))

    monkeypatch.setattr(Layers, "close", noted)
    loop.set_exception_handler(lambda _, context: reported.append(context))
    try:
        past = await Past.open(OWNER, folder=tmp_path)
        former = past.layers
        past = await Past.open(OWNER, folder=tmp_path)
        gc.collect()
        async with asyncio.timeout(30):
            while id(former) not in closed:  # noqa: ASYNC110 - in a task of its own
                await asyncio.sleep(0.05)
        await past.close()
    finally:
        loop.set_exception_handler(None)
    assert reported == []
