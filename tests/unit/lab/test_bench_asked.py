"""Labelled messages are asked once, and decided on as often as one likes."""

import pytest
import pytest_asyncio

import graph.layers
from bot.lab.bench.bench_layers import bench_layers
from bot.lab.bench.data_sets import LabelledSet
from bot.lab.bench.neutral import Bench, BenchArchive, BenchQuery, Doc, LabelledBench
from bot.lab.bench.tuning_data import (
    DEFAULTS,
    RATIO,
    RULES,
    AskedTurn,
    ask_sets,
    figures,
    halves,
    held_out,
    labelled_turns,
)
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from memory.recall.relevance import read_calibration
from tests.servers.hash_embeddings import HashEmbeddings

NOTHING, EVERYTHING = TurnContext(gap_threshold=1), TurnContext(gap_threshold=0)


def archive(name: str, *said: str) -> BenchArchive:
    docs = tuple(Doc(id=str(number), text=text, session=str(number)) for number, text in enumerate(said))
    return BenchArchive(
        id=name, docs=docs, queries=(BenchQuery(id="q", text=f"what of {said[0].split()[1]}?", gold=("0",)),)
    )


SET = LabelledSet(
    labelled=LabelledBench(
        Bench(
            name="two",
            archives=(
                archive("ana", "the boiler was mended", "a green kettle", "moved to the harbour", "snow"),
                archive("ben", "a pilates class", "a ticket to Lisbon", "the cat had kittens", "rain"),
            ),
        ),
        languages={"ben": "ro"},
    ),
    source="here",
    apart=read_calibration("any"),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def turns(tmp_path_factory: pytest.TempPathFactory) -> list[AskedTurn]:
    """Ask once, with hashed words for vectors."""
    folder = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings())
        async with bench_layers(Settings(data_folder=folder / "data"), folder / "kept") as layers:
            return await ask_sets(layers, [SET], sizes=(2,), per_kind=1)


async def test_every_archive_is_asked_at_every_size(turns: list[AskedTurn]) -> None:
    assert {(turn.conversation, turn.size) for turn in turns} == {
        (f"two {name}", size) for name in ("ana", "ben") for size in (2, 4)
    }
    own = [turn for turn in turns if turn.relevant]
    assert all(len(turn.gold) == 1 for turn in own)
    assert len(own) >= 2
    assert not any(turn.gold for turn in turns if not turn.relevant)


async def test_a_message_has_the_language_of_who_asks_it(turns: list[AskedTurn]) -> None:
    spoken = {(turn.conversation, turn.query.kind): turn.language for turn in turns}
    assert spoken["two ana", None] == "en"
    assert spoken["two ben", None] == spoken["two ana", "other people's"] == "ro"
    assert spoken["two ben", "small talk, other"] == "other"


async def test_thresholds_are_tried_without_searching_anew(turns: list[AskedTurn]) -> None:
    own = next(turn for turn in turns if turn.relevant)
    assert own.shown(NOTHING) == []
    assert own.gold <= {*own.shown(EVERYTHING)}


async def test_what_a_change_is_worth(turns: list[AskedTurn]) -> None:
    same = held_out(turns, EVERYTHING, EVERYTHING)
    assert all(one.before == one.after for one in same)
    assert any(one.after > one.before for one in held_out(turns, EVERYTHING, NOTHING))
    assert figures(turns, EVERYTHING)["messages answered"] == 1
    assert figures(turns, NOTHING)["false injections in 100"] == 0


async def test_halves_share_no_conversation(turns: list[AskedTurn]) -> None:
    choosing, testing = halves(turns)
    conversations = [{turn.conversation for turn in half} for half in (choosing, testing)]
    assert conversations[0].isdisjoint(conversations[1])
    assert [len(half) for half in conversations] == [1, 1]
    assert len(choosing) + len(testing) == len(turns)


async def test_every_rule_can_be_tried(turns: list[AskedTurn]) -> None:
    for name, rule in RULES.items():
        found = labelled_turns(turns, rule)
        assert [one.relevant for one in found] == [len(turn.gold) for turn in turns]
        assert all(score >= 0 for one in found for score, _ in one.found), name
    low = sum(one.best >= DEFAULTS[RATIO].gap_significance for one in labelled_turns(turns, RULES[RATIO]))
    assert low == sum(bool(turn.shown(DEFAULTS[RATIO])) for turn in turns)
