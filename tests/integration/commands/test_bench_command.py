"""`goat bench recall` over the real embedding model: what it finds, writes, and leaves alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.goat import Goat, settings_for

SCHOOL = [
    {"id": 1, "text": "user: I adopted a dog, his name is Rex.\nassistant: Lovely, Rex!", "session": "s1"},
    {"id": 2, "text": "My bicycle Rosinante stands in the cellar.", "session": "s1"},
    {"id": 3, "text": "The piano tuner comes on Friday at noon.", "session": "s2"},
    {"id": 4, "text": "Grandmother's plum jam recipe: two kilos of plums, one of sugar.", "session": "s2"},
    {"id": 5, "text": "We fly to Lisbon in March with the whole family.", "session": "s3"},
    {"id": 6, "text": "I passed the statistics exam with the best mark.", "session": "s3"},
]
WORK = [
    {"id": "w1", "text": "Mașina e la service până joi, la Popescu.", "time": 1_700_000_000},
    {"id": "w2", "text": "The login page of the client demo is broken again.", "time": 1_700_000_100.5},
    {"id": "w3", "text": "Elena is allergic to peanuts.", "time": 1_700_000_200},
    {"id": "w4", "text": "The heat pump makes a whistling noise at night.", "time": 1_700_000_300},
    {"id": "w5", "text": "Our rent rises by forty euros from May.", "time": 1_700_000_400},
    {"id": "w6", "text": "", "time": 1_700_000_500},
]
BENCH: dict[str, Any] = {
    "name": "small",
    "archives": [
        {
            "id": 1,
            "docs": SCHOOL,
            "queries": [
                {"id": 1, "text": "What is my dog called?", "gold": [1], "category": "pets"},
                {"id": 2, "text": "When do we fly to Portugal?", "gold": ["s3"], "category": "travel"},
                {"id": 3, "text": "thanks!", "irrelevant": True, "kind": "small talk"},
            ],
        },
        {
            "id": "work",
            "docs": WORK,
            "queries": [
                {"id": "a", "text": "Unde e mașina mea?", "gold": ["w1"]},
                {"id": "b", "text": "What is Elena allergic to?", "gold": ["w3"], "time": 1_700_001_000},
                {
                    "id": "c",
                    "text": "Who won at chess in 1972?",
                    "irrelevant": True,
                    "kind": "foreign",
                },
            ],
        },
        {"id": "empty", "docs": [], "queries": [{"id": "e", "text": "Anything?"}]},
    ],
}


@pytest.fixture
def bench(goat: Goat, data_folder: Path, tmp_path: Path) -> Goat:
    """The command, in a folder with the benchmark."""
    goat.configure(settings_for(data_folder))
    (tmp_path / "bench.json").write_text(json.dumps(BENCH), encoding="utf-8")
    return goat


def results(path: str = "out.json") -> dict[str, Any]:
    read: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return read


def test_a_benchmark_from_file_to_results(bench: Goat, data_folder: Path, tmp_path: Path) -> None:
    ran = bench("bench", "recall", "bench.json", "--json", "out.json")
    assert ran.status == 0, ran.shown
    found = results()
    assert found["name"] == "small"
    assert found["embedding_model"]
    assert found["settings"]["prefetch_results"] == 20
    queries = {(query["archive"], query["id"]): query for query in found["queries"]}
    assert len(queries) == 7
    assert queries["1", "1"]["ranking"][0] == "1"
    assert sorted(queries["1", "1"]["ranking"]) == ["1", "2", "3", "4", "5", "6"]
    assert queries["work", "a"]["ranking"][0] == "w1"
    assert queries["work", "b"]["ranking"][0] == "w3"
    assert queries["1", "3"]["irrelevant"]
    assert queries["1", "3"]["kind"] == "small talk"
    assert queries["empty", "e"]["ranking"] == queries["empty", "e"]["kept"] == []
    for query in queries.values():
        assert set(query["kept"]) <= set(query["ranking"])
        assert 0 <= query["probability"] <= 1
        assert query["ms"] > 0
        assert "problem" not in query
    summary = found["summary"]
    assert summary["mrr"] == summary["recall@5"] == summary["hit@5"] == 1
    assert summary["by_category"]["travel"]["n"] == 1
    assert set(summary["injection"]["by_kind"]) == {"small talk", "foreign"}
    assert summary["docs"] == 12
    assert "small: retrieval" in ran.shown
    assert [path.name for path in data_folder.iterdir()] == ["models"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.json", "data", "out.json"]


def test_thresholds_and_a_limit(bench: Goat) -> None:
    asked = ("--json", "out.json", "--set", "gap_rule=ratio", "--set", "gap_significance=100", "--limit", "1")
    ran = bench("bench", "recall", "bench.json", *asked)
    assert ran.status == 0, ran.shown
    found = results()
    assert (found["settings"]["gap_rule"], found["settings"]["gap_significance"]) == ("ratio", 100)
    assert [query["id"] for query in found["queries"]] == ["1", "a", "e"]
    assert not any(query["kept"] for query in found["queries"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "bench.json: line 1: expected JSON"),
        ('{"archives": [{"id": "a", "docs": [{"id": 1}], "queries": []}]}', "archives.0.docs.0.text"),
    ],
)
def test_a_broken_file(bench: Goat, content: str, says: str) -> None:
    Path("bench.json").write_text(content, encoding="utf-8")
    ran = bench("bench", "recall", "bench.json", "--json", "out.json")
    assert ran.status == 1
    assert says in ran.shown
    assert "Traceback" not in ran.shown
    assert len(ran.shown.strip().splitlines()) == 1
    assert [path.name for path in Path().glob("*out*")] == []


@pytest.mark.parametrize("out", ["missing/out.json", "data", "bench.json/out.json", "/dev/null"])
def test_an_output_that_cannot_be_written_is_refused_before_the_work(bench: Goat, out: str) -> None:
    ran = bench("bench", "recall", "bench.json", "--json", out)
    assert ran.status == 1
    assert out in ran.shown
    assert "queries run" not in ran.shown
    assert "Traceback" not in ran.shown


def test_a_bad_threshold(bench: Goat) -> None:
    ran = bench("bench", "recall", "bench.json", "--set", "gap_threshold=7")
    assert ran.status == 1
    assert "Allowed: a number from 0 up to 1" in ran.shown
