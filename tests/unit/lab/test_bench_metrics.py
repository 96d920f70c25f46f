"""The benchmark's numbers against ones worked out by hand, and its form against what people write into it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.commands.command_app import with_thresholds
from bot.importers.source import BadImportFile
from bot.lab.bench import outcome as metrics
from bot.lab.bench.neutral import BenchQuery, read_bench
from bot.lab.bench.outcome import QueryOutcome, summarise
from graph.settings.context import TurnContext
from memory.errors import ConfigError
from tests.tables import each


def outcome(**given: Any) -> QueryOutcome:
    """An outcome, with what does not matter filled in."""
    query = BenchQuery(
        id="q",
        text="?",
        gold=given.pop("gold", ()),
        irrelevant=given.pop("irrelevant", False),
        kind=given.pop("kind", None),
        category=given.pop("category", None),
    )
    filled: dict[str, Any] = {"ranking": (), "units": (), "kept": (), "kept_gold": 0}
    filled |= {"probability": 0.0, "milliseconds": 1.0}
    return QueryOutcome(archive="x", query=query, gold=frozenset(query.gold), **(filled | given))


def test_auc_counts_ties_half() -> None:
    # pairs: .9 beats both, .5 beats .2 and ties with .5
    assert metrics.auc([0.9, 0.5], [0.5, 0.2]) == pytest.approx(3.5 / 4)
    assert metrics.auc([1.0], [0.0]) == 1
    assert metrics.auc([0.0], [1.0]) == 0
    assert metrics.auc([], [1.0]) is None
    assert metrics.auc([1.0], []) is None


def test_the_curve_counts_from_a_threshold_upwards() -> None:
    low, high = metrics.risk_curve([0.2, 0.5, 0.9, 0.9], [0.1, 0.5], [0.5, 0.6])
    assert low.coverage is not None
    assert low.false_injections is not None
    assert (low.coverage.value, low.false_injections.value) == (0.75, 50)
    assert high.coverage is not None
    assert high.false_injections is not None
    assert (high.coverage.value, high.false_injections.value) == (0.5, 0)
    assert high.false_injections.low == high.false_injections.high == 0


def test_the_intervals_narrow_with_the_number_of_queries_and_are_repeatable() -> None:
    few, many = ([0.0, 1.0] * count for count in (10, 1000))
    (wide,), (narrow,) = (metrics.risk_curve(values, [], [0.5]) for values in (few, many))
    assert wide.coverage is not None
    assert narrow.coverage is not None
    assert wide.coverage.low < narrow.coverage.low < 0.5 < narrow.coverage.high < wide.coverage.high
    assert narrow.coverage.low == pytest.approx(0.5 - 1.96 * (0.25 / 2000) ** 0.5, abs=0.005)
    assert metrics.risk_curve(few, [], [0.5]) == [wide]
    assert wide.false_injections is None


def test_a_summary_worked_out_by_hand() -> None:
    summary = summarise(
        [
            outcome(
                gold=["a"], units=("a", "b"), kept=("a", "b"), kept_gold=1, probability=0.9, category="1"
            ),
            outcome(gold=["a", "z"], units=("b", "a"), probability=0.4, category="2"),
            outcome(kept=("c",), probability=0.8),
            outcome(irrelevant=True, kind="thanks", kept=("c",), probability=0.7),
            outcome(irrelevant=True, kind="other", probability=0.1, problem="late"),
        ]
    )
    assert (summary["n"], summary["relevant"], summary["irrelevant"], summary["problems"]) == (2, 3, 2, 1)
    assert summary["recall@5"] == pytest.approx((1 + 0.5) / 2)
    assert summary["mrr"] == pytest.approx((1 + 0.5) / 2)
    assert summary["by_category"]["2"]["recall@10"] == 0.5
    injected = summary["injection"]
    assert injected["coverage"] == pytest.approx(2 / 3)
    assert injected["coverage_with_gold"] == 0.5
    assert injected["precision"] == 0.5
    assert injected["false_per_hundred"] == 50
    assert injected["by_kind"]["thanks"] == {"n": 1, "false_per_hundred": 100}
    assert injected["auc"] == pytest.approx(5 / 6)
    assert injected["f1"] == pytest.approx(2 / 3)
    assert summary["latency"] == {"p50": 1, "p95": 1}


Write = Callable[[Any], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a benchmark's file."""

    def written(content: Any) -> Path:
        path = tmp_path / "bench.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return written


def test_ids_are_texts_and_what_is_unknown_is_ignored(write: Write) -> None:
    doc = {"id": 7, "text": "a\0b\ud800", "session": 2, "time": 1.5, "mood": "good"}
    query = {"id": 1, "text": "?", "gold": [7.0, "8"], "category": 4, "irrelevant": None, "kind": None}
    bench = read_bench(write({"archives": [{"id": 3, "docs": [doc], "queries": [query], "note": 1}]}))
    (archive,) = bench.archives
    assert (bench.name, archive.id, archive.docs[0].id, archive.docs[0].session) == ("bench", "3", "7", "2")
    assert archive.docs[0].text == "ab\ufffd"
    assert archive.docs[0].time == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
    assert archive.queries[0].gold == ("7", "8")
    assert archive.queries[0].category == "4"
    assert not archive.queries[0].irrelevant


DOC, QUERY = {"id": 1, "text": "x"}, {"id": 1, "text": "?"}


@pytest.mark.parametrize(
    ("docs", "queries", "says"),
    [
        ([DOC, DOC | {"time": "noon"}], [], "archives.0.docs.1.time: Input should be a valid datetime"),
        ([{"id": 1}], [], "docs.0.text: Field required"),
        ([DOC | {"id": None}], [], "docs.0.id: Input should be a valid string"),
        ([DOC, DOC | {"id": "1"}], [], "docs: two documents have the id '1'"),
        ({}, [], "docs: Input should be a valid tuple"),
        ([], [QUERY | {"text": " "}], "queries.0.text: String should match"),
        ([], [QUERY | {"gold": [{}]}], "queries.0.gold.0: Input should be a valid string"),
        ([], [QUERY | {"irrelevant": "maybe"}], "queries.0.irrelevant: Input should be a valid boolean"),
    ],
)
def test_a_broken_file_says_where(write: Write, docs: Any, queries: Any, says: str) -> None:
    with pytest.raises(BadImportFile) as error:
        read_bench(write({"archives": [{"id": "conv-9", "docs": docs, "queries": queries}]}))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@each(
    ("given", "says"),
    [
        ("gap_threshold=7", "--set gap_threshold=7 is refused: .* Allowed: a number from 0 up to 1"),
        ("gap_treshold=0.5", "Did you mean gap_threshold"),
        ("gap_threshold", "expected KEY=VALUE"),
        ("owner=ana", "unknown threshold owner"),
    ],
)
def test_bad_thresholds_from_the_command_line(given: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        with_thresholds(TurnContext(), [given])
