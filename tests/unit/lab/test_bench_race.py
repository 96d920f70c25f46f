"""Contestants side by side, intervals over conversations, and what is written down of it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import graph.layers
from bot.lab.bench.bench_layers import CachedEmbeddings, bench_layers
from bot.lab.bench.handmade import spread_days
from bot.lab.bench.neutral import Bench, BenchArchive, BenchQuery, Doc, LabelledBench
from bot.lab.bench.race import (
    CONTESTANTS,
    OURS,
    by_age,
    false_injections,
    mean_measure,
    neighbour_contestants,
    race,
)
from graph.settings.settings import Settings
from tests.bench.recall.results import results_of, rounded
from tests.servers.hash_embeddings import HashEmbeddings

DOCS = tuple(
    Doc(id=str(number), text=text, session=str(number))
    for number, text in enumerate(("the boiler was mended", "a green kettle", "moved to the harbour"))
)
QUERIES = (
    BenchQuery(id="0", text="what of the boiler?", gold=("0",)),
    BenchQuery(id="1", text="zzz?", gold=("1",)),
    BenchQuery(id="2", text="hello", irrelevant=True, kind="small talk"),
)
BENCH = Bench(
    name="small", archives=tuple(BenchArchive(id=name, docs=DOCS, queries=QUERIES) for name in ("a", "b"))
)


class Counted(HashEmbeddings):
    """Hashed words, and how many texts were embedded."""

    count = 0

    async def aembed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        self.count += len(texts)
        return await super().aembed_documents(list(texts))


async def test_a_race_from_ingest_to_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted()
    monkeypatch.setattr(graph.layers, "embedding_model", lambda _: counted)
    dated = spread_days(LabelledBench(BENCH), days=30).bench
    counts = []
    for _ in range(2):
        async with bench_layers(Settings(data_folder=tmp_path / "data"), tmp_path / "kept") as layers:
            run = await race(layers, dated, [*CONTESTANTS, *neighbour_contestants(0.5)])
        counts.append(counted.count)
    assert counts[0] == counts[1] > 0, "the second run has the vectors of the first"
    assert {name: len(some) for name, some in run.outcomes.items()} == {
        **{one.name: 6 if one.decides else 4 for one in CONTESTANTS},
        "0.5": 4,
    }
    figures = results_of(run)
    assert json.loads(json.dumps(rounded(figures))) == rounded(figures)
    one = {name: [each for each in some if each.archive == "a"] for name, some in run.outcomes.items()}
    assert "NaN" not in json.dumps(rounded(results_of(replace(run, outcomes=one))))
    assert (figures["docs"], figures["conversations"]) == (6, 2)
    ours = run.outcomes[OURS]
    found = mean_measure(ours, "hit@1")
    assert found is not None
    assert 0.5 <= found.low <= found.value <= found.high <= 1
    assert false_injections(run.outcomes["fused"]) is None
    young, old = by_age(dated, ours, (45, 90), "hit@1")
    assert (young is None, old is None) == (False, False)


async def test_each_text_is_embedded_once() -> None:
    counted = Counted()
    cached = CachedEmbeddings(counted, {})
    first = await cached.aembed_documents(["a b", "c", "a b"])
    again = await cached.aembed_documents(["c", "a b"])
    assert counted.count == 2
    assert first == [again[1], again[0], again[1]]
    assert first[0] == pytest.approx((await counted.aembed_documents(["a b"]))[0])
