"""Past turns, decided again on the archive as it was."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import graph.layers
from graph.app import open_agent
from graph.observability.turn_recorder import TurnRecorder
from graph.replay.comparison import Comparison
from graph.replay.replay_plan import Obstacle
from graph.replay.replay_run import ReplayedTurn
from graph.replay.replayer import Replayer
from graph.runtime.agent import Agent
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.state.circumstances import Circumstances, thread_id
from memory.episodic.log.observation_log import ObservationLog
from memory.models import ConversationTurn, Episode, Seen
from memory.owners.owner_files import OwnerFiles
from memory.recall.ranking import RankRule
from tests.scripted import calling, in_turn
from tests.servers.hash_embeddings import HashEmbeddings
from tests.servers.model import ModelServer

OWNER = "ana"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
TALK = (
    ("1", "My daughter Ioana is allergic to peanuts."),
    ("1", "We repainted the garage door in dark green."),
    ("1", "Ticket ABC-123 is about the login page of the county hospital."),
    ("2", "What is Ioana allergic to?"),
    ("2", "and what about her?"),
    ("2", "thanks!"),
    ("3", "What did we talk about yesterday?"),
    ("3", "Is ABC-123 solved?"),
    ("3", "Ce culoare are ușa garajului?"),
    ("2", "Ioana comes to dinner, what may she not eat?"),
    ("1", "What is Ioana allergic to?"),
    ("3", "Which snack can I bake for the birthday?"),
)


@pytest.fixture
def agent(e5_agent: Agent) -> Agent:
    return e5_agent


async def talk(agent: Agent, model: ModelServer) -> None:
    """Have a conversation over several days, with facts, a private turn and tools in it."""
    for number, (name, text) in enumerate(TALK):
        model.reply(f"That is noted as number {number + 10}.")
        if number == 4:
            model.reply(in_turn(calling("promote_memory", key="allergy", value="peanuts"), "Kept."))
        about = Circumstances(at=START + timedelta(hours=9 * number))
        await agent.ask(text, owner=OWNER, thread=thread_id("test", name), about=about)
        if number == 6:
            secret = Circumstances(at=about.at, private=True)
            await agent.ask("My PIN is 4711.", owner=OWNER, thread=thread_id("test", "3"), about=secret)
    await agent.layers.recorder.flush()


@pytest.fixture(scope="module")
def talked_folder(tmp_path_factory: pytest.TempPathFactory, _model_server: ModelServer) -> Settings:
    """Where an agent has had the conversation, with hashed words for vectors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings())
        settings = Settings(
            data_folder=tmp_path_factory.mktemp("talked"),
            model="test",
            model_base_url=_model_server.base_url,
            timezone="Europe/Bucharest",
            gap_threshold=0.2,
            prefetch_timeout=30,
        )

        async def begin() -> None:
            async with open_agent(settings) as agent:
                await talk(agent, _model_server)

        asyncio.run(begin())
    return settings


@pytest.fixture
def own_copy(talked_folder: Settings, tmp_path: Path) -> Settings:
    """The conversation in a folder of the test's own, to go on with or to spoil."""
    copied = shutil.copytree(talked_folder.data_folder, tmp_path / "talked")
    return talked_folder.model_copy(update={"data_folder": copied})


@pytest.fixture
async def talked(talked_folder: Settings, hash_vectors: None) -> AsyncIterator[Agent]:
    async with open_agent(talked_folder) as agent:
        yield agent


async def replayed(
    agent: Agent,
    change: Callable[[TurnContext], TurnContext] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[ReplayedTurn]:
    replayer = Replayer(agent.layers, OWNER, change)
    return [turn async for turn in replayer.run(await replayer.plan(since, until))]


def with_threshold(threshold: float) -> Callable[[TurnContext], TurnContext]:
    return lambda context: context.model_copy(update={"gap_threshold": threshold})


async def test_every_decision_is_the_recorded_one_byte_for_byte(agent: Agent, model: ModelServer) -> None:
    model.context = 1500  # learnt in the first turn
    await talk(agent, model)
    model.requests.clear()
    turns = await replayed(agent)
    assert all(turn.recorded.shares.space for turn in turns)
    assert [turn.turn.episode.message for turn in turns] == [text for _, text in TALK]
    assert [turn.turn.episode.message for turn in turns if not turn.same] == []
    assert sum(len(turn.again.shown) for turn in turns) >= 5
    assert model.requests == []


async def test_what_was_shown_right_before_is_carried_on_in_a_replay_too(
    agent: Agent, model: ModelServer
) -> None:
    asked = ("The lease of the shop runs until 30 June.", "When does the lease of the shop end?", "so is it?")
    for number, text in enumerate(asked):
        model.reply("On 30 June, as you said.")
        about = Circumstances(at=START + timedelta(minutes=number))
        thread = thread_id("test", f"{number > 0}")
        alone = TurnContext(gap_threshold=1.0 if number == 2 else 0.5)  # the follow-up finds nothing itself
        await agent.ask(text, owner=OWNER, thread=thread, about=about, context=alone)
        await agent.layers.episodes.wait_for_index(owner=OWNER)
    await agent.layers.recorder.flush()
    turns = await replayed(agent)
    assert [turn.turn.episode.message for turn in turns if not turn.same] == []
    assert "carried" in {decision.rule for decision in turns[-1].state["decisions"]}


async def test_a_part_of_the_past_is_decided_as_within_the_whole(talked: Agent) -> None:
    whole = {turn.turn.episode.turn_id: turn.again.encoded for turn in await replayed(talked)}
    part = await replayed(talked, since=START + timedelta(hours=60), until=START + timedelta(hours=95))
    assert [turn.turn.episode.message for turn in part] == [text for _, text in TALK[7:11]]
    assert all(turn.again.encoded == whole[turn.turn.episode.turn_id] for turn in part)


async def noted_in(settings: Settings, zone: str) -> list[bool]:
    """Replay elsewhere what was noted in a zone; say of each turn whether it is decided the same."""
    elsewhere = settings.model_copy(update={"timezone": "America/Los_Angeles"})
    async with open_agent(elsewhere) as agent:
        replayer = Replayer(agent.layers, OWNER)
        plan = await replayer.plan()
        plan.replayed = [replace(observation, zone=zone) for observation in plan.replayed]
        return [turn.same async for turn in replayer.run(plan)]


async def test_a_turn_is_replayed_in_the_zone_that_it_was_noted_in(
    talked_folder: Settings, hash_vectors: None
) -> None:
    assert await noted_in(talked_folder, "Europe/Bucharest") == [True] * len(TALK)
    today = await noted_in(talked_folder, "")
    assert not all(today)
    assert await noted_in(talked_folder, "Atlantis/Nowhere") == today


async def test_the_zone_of_a_turn_is_noted(talked: Agent, model: ModelServer, tmp_path: Path) -> None:
    layers, log = talked.layers, ObservationLog(OwnerFiles(tmp_path))
    state = await talked.ask("Hello.", owner="eve", thread=thread_id("test", "eve"))
    recorder = TurnRecorder(log, layers.metrics, False, layers.zone)
    await recorder(state, TurnContext(owner="eve"))
    assert [observation.zone for observation in await log.all(owner="eve")] == ["Europe/Bucharest"]
    await log.files.close()


async def test_a_plan_serves_for_other_settings_as_well(talked: Agent) -> None:
    plan = await Replayer(talked.layers, OWNER).plan()
    turns = [turn async for turn in Replayer(talked.layers, OWNER, with_threshold(1.0)).run(plan)]
    assert [turn.turn.episode.message for turn in turns if turn.same] == [text for _, text in TALK]


async def test_what_another_threshold_would_have_shown(talked: Agent) -> None:
    comparison = Comparison()
    for turn in await replayed(talked, with_threshold(1.0)):
        comparison.add(turn)
    assert comparison.different == []
    assert comparison.before.memories > comparison.after.memories
    removed = [memory for turn in comparison.changed for memory in turn.removed]
    assert {memory.rule for memory in removed} <= {"calibrated"}
    assert all(not turn.added for turn in comparison.changed)
    assert len(removed) == comparison.before.memories - comparison.after.memories
    assert {memory.message for memory in removed} <= {text for _, text in TALK}


async def test_more_candidates_are_searched_for_in_the_archive_as_it_was(talked: Agent) -> None:
    def all_of_them(context: TurnContext) -> TurnContext:
        return context.model_copy(update={"prefetch_results": 40, "gap_threshold": 0.0, "gap_break": 100.0})

    ages = [
        candidate.at < turn.turn.observation.at
        for turn in await replayed(talked, all_of_them)
        for candidate in turn.changed_state["recall"].candidates
    ]
    assert len(ages) > 40
    assert all(ages)


async def test_other_weights_search_again(talked: Agent) -> None:
    words_alone = await replayed(talked, lambda context: context.model_copy(update={"fusion_dense": 0.0}))
    scores = [(t.again.judged, t.changed.judged) for t in words_alone if t.again.judged]
    assert any(ours != theirs for ours, theirs in scores)
    assert all(turn.same for turn in words_alone)


async def test_nothing_is_written(talked: Agent) -> None:
    episodes, facts = talked.layers.episodes, talked.layers.permanent

    async def stand() -> tuple[list[Episode], object, object]:
        return (
            [episode async for episode in episodes.all(owner=OWNER)],
            await talked.layers.observations.all(owner=OWNER),
            await facts.facts(owner=OWNER),
        )

    before = await stand()
    await replayed(talked, with_threshold(0.1))
    assert await stand() == before


async def test_turns_that_were_late_stay_late(
    own_copy: Settings, model: ModelServer, hash_vectors: None
) -> None:
    async with open_agent(own_copy.model_copy(update={"prefetch_timeout": 1e-9})) as hurried:
        await hurried.ask("What is Ioana allergic to?", owner=OWNER, thread=thread_id("test", "4"))
        await hurried.layers.recorder.flush()
        late = (await replayed(hurried))[-1]
    assert late.turn.observation.searches["thematic"].status == "late"
    assert late.same
    assert not late.again.judged


@pytest.fixture
async def talked_alone(own_copy: Settings, hash_vectors: None) -> AsyncIterator[Agent]:
    async with open_agent(own_copy) as agent:
        yield agent


async def test_turns_that_cannot_be_replayed_are_told(talked_alone: Agent) -> None:
    talked = talked_alone
    log = talked.layers.observations
    known = (await log.all(owner=OWNER))[-1]
    strange = {
        "gone": replace(known, turn_id="gone"),
        "model": replace(known, model_of_vectors="another", turn_id="model"),
        "old": replace(known, seen=None, turn_id="old"),
        "indexing": replace(known, seen=Seen(episodes=3, vectors=3 << 20, gaps=1), turn_id="indexing"),
        "older": replace(known, facts=None, turn_id="older"),
        "limit": replace(known, thresholds={"gap_threshold": 7}, turn_id="limit"),
        "trimmed": replace(known, last_turn="trimmed long ago", turn_id="trimmed"),
    }
    for name, observation in strange.items():
        await log.put(observation, owner=OWNER)
        if name != "gone":
            episode = Episode(
                turn_id=name, owner=OWNER, thread=known.thread, message="x", reply="", at=known.at
            )
            await talked.layers.episodes.append(episode)
    plan = await Replayer(talked.layers, OWNER).plan()
    assert dict(plan.left_out) == {
        Obstacle.GONE: 1,
        Obstacle.MODEL: 1,
        Obstacle.EARLIER: 3,
        Obstacle.INDEXING: 1,
        Obstacle.CONVERSATION: 1,
    }
    assert len(plan.replayed) == len(TALK)


async def test_another_owner_has_nothing_to_replay(talked: Agent) -> None:
    replayer = Replayer(talked.layers, "bob")
    plan = await replayer.plan()
    assert not plan.replayed
    assert [turn async for turn in replayer.run(plan)] == []


BLEND = TurnContext(
    gap_threshold=0.05,
    gap_break=100,
    rank_rule=RankRule.BLEND,
    rank_access_reference=2,
    prefetch_timeout=30,
)
NARROW = BLEND.model_copy(update={"l2_cap": 40, "gap_threshold": 0.3, "prefetch_results": 6})


class Interleaved:
    """Turns of two threads at once, with what else may come in between."""

    def __init__(self, agent: Agent, model: ModelServer) -> None:
        self.agent = agent
        self.model = model
        self.number = 0

    async def ask(self, text: str, thread: str, context: TurnContext = BLEND) -> None:
        self.number += 1
        about = Circumstances(at=START + timedelta(hours=5 * self.number))
        name = thread_id("test", thread)
        await self.agent.ask(text, owner=OWNER, thread=name, about=about, context=context)

    async def at_once(self, first: str, second: str, context: TurnContext = BLEND) -> None:
        await asyncio.gather(self.ask(first, "1", context), self.ask(second, "2", context))

    async def note(self, key: str, value: str, days: int) -> None:
        """Keep a fact as of some days after the beginning, or before it."""
        at = START + timedelta(days=days)
        await self.agent.layers.permanent.upsert(key, value, owner=OWNER, at=at)

    async def bring_in(self) -> None:
        """Import what was said elsewhere long ago."""
        old = [
            Episode(
                turn_id=f"old-{number}",
                owner=OWNER,
                thread="import",
                message=f"{text} That was in the year {1990 + number}.",
                reply="Noted.",
                at=START - timedelta(days=900 - number),
            )
            for number, (_, text) in enumerate(TALK)
        ]
        await self.agent.layers.episodes.append_many(old)
        await self.agent.layers.episodes.index(owner=OWNER)

    async def bring_a_job_in(self) -> None:
        """Write into a thread what nobody asked in it."""
        job = ConversationTurn(turn_id="job", message="", reply="The job is done.", at=START, tokens=6)
        await self.agent.layers.conversations.append(job, owner=OWNER, thread=thread_id("test", "1"))

    async def reindex(self) -> None:
        async for _ in self.agent.layers.episodes.reindex(owner=OWNER):
            pass

    async def run(self) -> None:
        for number in range(3):
            await self.at_once(TALK[2 * number][1], TALK[2 * number + 1][1])
        await self.note("Ioana is allergic to", "peanuts", 2)
        await self.at_once(TALK[3][1], TALK[8][1])
        await self.note("My daughter Ioana is allergic", "to peanuts", -30)
        await self.ask(TALK[9][1], "1")
        await self.bring_in()
        await self.at_once(TALK[3][1], TALK[7][1], NARROW)
        self.model.reply(
            in_turn(calling("store_memory", text="Ioana also loves dinner on the pier."), "Kept.")
        )
        await self.ask("Keep in mind that Ioana loves the pier.", "2")
        self.model.reply("Noted.")
        await self.bring_a_job_in()
        await self.reindex()
        await self.ask("Does Ioana love the pier?", "3")
        await self.at_once(TALK[9][1], TALK[10][1], NARROW)
        await self.at_once(TALK[9][1], TALK[9][1])
        await self.agent.layers.recorder.flush()


async def test_whatever_comes_in_between(settings: Settings, hash_vectors: None, model: ModelServer) -> None:
    async with open_agent(settings) as agent:
        told = Interleaved(agent, model)
        await told.run()
        turns = await replayed(agent)
        left_out = (await Replayer(agent.layers, OWNER).plan()).left_out
        part = await replayed(agent, since=START + timedelta(hours=40))
    assert len(turns) + left_out.pop(Obstacle.INDEXING, 0) == told.number
    assert not left_out
    assert [turn.turn.episode.message for turn in turns if not turn.same] == []
    assert {len(turn.turn.facts) for turn in turns} == {0, 1, 2}
    assert any(turn.turn.conversation(NARROW.l2_cap).opening for turn in turns)
    assert any(t.turn_id == "job" for turn in turns for t in turn.turn.earlier)
    assert 0 < len(part) < len(turns)
    assert all(turn.same for turn in part)
