"""Contestants side by side, intervals over conversations, and what is written down of it."""

import json
from pathlib import Path

import pytest

import graph.layers
from bot.lab.bench.neutral import Archive, Bench, Doc, Query
from bot.lab.bench.race.contestants import CONTESTANTS, OURS, neighbour_contestants
from bot.lab.bench.race.measured_layers import VECTORS, bench_layers
from bot.lab.bench.race.results import by_age, false_injections, mean_measure, race, results_of, rounded
from bot.lab.bench.sets.handmade import spread_days
from bot.lab.bench.sets.labelled_set import LabelledBench
from graph.settings.settings import Settings
from tests.servers.hash_embeddings import HashEmbeddings

DOCS = tuple(
    Doc(id=str(number), text=text, session=str(number))
    for number, text in enumerate(("the boiler was mended", "a green kettle", "moved to the harbour"))
)
QUERIES = (
    Query(id="0", text="what of the boiler?", gold=("0",)),
    Query(id="1", text="zzz?", gold=("1",)),
    Query(id="2", text="hello", irrelevant=True, kind="small talk"),
)
BENCH = Bench(
    name="small", archives=tuple(Archive(id=name, docs=DOCS, queries=QUERIES) for name in ("a", "b"))
)


async def test_a_race_from_ingest_to_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings())
    dated = spread_days(LabelledBench(BENCH), days=30).bench
    async with bench_layers(Settings(data_folder=tmp_path / "data"), tmp_path / "kept") as layers:
        run = await race(layers, dated, [*CONTESTANTS, *neighbour_contestants(0.5)])
    assert (tmp_path / "kept" / VECTORS).is_file()
    assert {name: len(some) for name, some in run.outcomes.items()} == {
        **{one.name: 6 if one.decides else 4 for one in CONTESTANTS},
        "0.5": 4,
    }
    figures = results_of(run)
    assert json.loads(json.dumps(rounded(figures))) == rounded(figures)
    assert (figures["docs"], figures["conversations"]) == (6, 2)
    ours = run.outcomes[OURS]
    found = mean_measure(ours, "hit@1")
    assert found is not None
    assert 0.5 <= found.value <= 1
    assert found.low <= found.value <= found.high
    assert false_injections(run.outcomes["fused"]) is None
    young, old = by_age(dated, ours, (45, 90), "hit@1")
    assert (young is None, old is None) == (False, False)
