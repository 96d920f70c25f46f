"""The figures of recall in docs/measured.md are those of the committed run, to the last digit."""

from collections.abc import Callable

from bot.lab.bench.committed_figures import (
    Results,
    committed_results,
    curve,
    estimate,
    injection_table,
    names_of,
    recall_table,
)
from bot.lab.bench.race import OURS
from graph.settings.context import Thresholds
from tests.readme import DOCS, README
from tests.tables import each

PAGE = " ".join((DOCS / "measured.md").read_text("utf-8").split())


@each("table", [recall_table, injection_table])
def test_the_tables_are_in_the_docs(table: Callable[[Results, str], str]) -> None:
    for row in table(committed_results(), "LoCoMo").splitlines():
        assert row in PAGE


def test_the_operating_points_are_in_the_docs() -> None:
    for point in committed_results()["benchmarks"]["LoCoMo"]["contestants"][OURS]["curve"]:
        if point["threshold"] in (0.5, 0.6, 0.7, 0.8, 0.9):
            covered, false = point["coverage"], point["false_injections"]
            row = "| {value:.2f} ({low:.2f} to {high:.2f}) ".format(**covered)
            assert row + "| {value:.0f} ({low:.0f} to {high:.0f}) |".format(**false) in PAGE


def test_the_sentences_are_in_the_docs() -> None:
    benches = committed_results()["benchmarks"]
    for name in ("LongMemEval", "LongMemEval, pooled"):
        found = benches[name]["contestants"]
        ours, dense, lexical = (f"{found[one]['recall@5']:.2f}" for one in (OURS, "dense", "lexical"))
        assert f"vectors {dense}, words {lexical})" in PAGE
        assert (
            f"{ours} case by case" in PAGE or f"{ours} with all {benches[name]['docs']:,} exchanges" in PAGE
        )
    ours = benches["Romanian pairs"]["contestants"][OURS]
    first, five = (round(ours["n"] * ours["intervals"][measure]["value"]) for measure in ("hit@1", "hit@5"))
    assert f"the right one of {ours['n']} memories ranks first for {first}, among five for {five}" in PAGE


def test_the_readme_has_the_recall_of_the_committed_run() -> None:
    found = committed_results()["benchmarks"]["LoCoMo"]["contestants"]
    names = (OURS, "dense", "lexical", "original")
    ours, dense, lexical, first = (f"{found[name]['recall@5']:.2f}" for name in names)
    row = f"| **{ours}** | vectors {dense}, BM25 {lexical}, GOAT's first version {first} |"
    assert row in README.read_text("utf-8")


def test_the_committed_run_has_what_the_notebooks_show() -> None:
    run = committed_results()
    assert set(run["benchmarks"]) == {"LoCoMo", "LongMemEval", "LongMemEval, pooled", "Romanian pairs"}
    assert names_of(run)[OURS].startswith("the default")
    drawn = curve(run, "LoCoMo", OURS, "LoCoMo")
    assert drawn.point is not None
    assert drawn.point.name == f"{Thresholds().gap_threshold:g}"
    found = estimate(run, "LoCoMo", OURS, "recall@5")
    assert found is not None
    assert found.low < found.value < found.high
    assert estimate(run, "Romanian pairs", OURS, "false_per_hundred") is None


@each("name", ["recall", "neighbours"])
def test_no_search_of_a_committed_run_was_late(name: str) -> None:
    benches = committed_results(name)["benchmarks"].values()
    assert {one["problems"] for bench in benches for one in bench["contestants"].values()} == {0}
