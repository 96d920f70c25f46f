"""The gap filter's two rules: examples worked out by hand, and what holds for any list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.gap import (
    CEILING,
    GapRule,
    beaten,
    judge,
    null_rule,
    quantile,
    ratio_cut,
    ratio_rule,
    squared_distance,
)

SIMILARITIES = st.lists(st.floats(-1, 1), max_size=40).map(lambda found: sorted(found, reverse=True))
NOISE = st.lists(st.floats(-1, 1), max_size=60).map(sorted)
SOME_NOISE = st.lists(st.floats(-1, 1), min_size=1, max_size=60).map(sorted)
SHARES = st.floats(0, 1)


def kept(similarities: list[float], noise: list[float], rule: GapRule, threshold: float = 0.95) -> int:
    """Return how many are kept, which must be the first ones."""
    verdicts = judge(similarities, noise, rule=rule, threshold=threshold, significance=3.0)
    assert len(verdicts) == len(similarities)
    count = sum(verdict.kept for verdict in verdicts)
    assert all(verdict.kept for verdict in verdicts[:count])
    return count


def test_squared_distance_of_unit_vectors() -> None:
    assert [squared_distance(s) for s in (1.0, 0.5, 0.0, -1.0)] == [0.0, 1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.25, 2.0), (0.5, 3.0), (0.6, 3.4), (0.95, 4.8), (1.0, 5.0)]
)
def test_quantile_interpolates(share: float, expected: float) -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0, 5.0], share) == pytest.approx(expected)


def test_quantile_of_one_value() -> None:
    assert quantile([0.3], 0.0) == quantile([0.3], 0.95) == quantile([0.3], 1.0) == 0.3


def test_beaten_counts_what_lies_strictly_below() -> None:
    noise = [0.1, 0.2, 0.2, 0.4]
    assert [beaten(s, noise) for s in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)] == [0, 0, 0.25, 0.75, 0.75, 1]
    assert beaten(0.9, []) == 0.0


def test_the_null_rule_holds_each_against_the_quantile() -> None:
    noise = [i / 100 for i in range(21)]
    verdicts = null_rule([0.5, 0.191, 0.19, 0.1], noise, threshold=0.95)
    assert [verdict.kept for verdict in verdicts] == [True, True, False, False]
    assert [verdict.score for verdict in verdicts] == [0.5, 0.191, 0.19, 0.1]
    assert [verdict.probability for verdict in verdicts] == [1.0, 20 / 21, 19 / 21, 10 / 21]
    assert all(verdict.rule == "null" for verdict in verdicts)
    assert all(verdict.threshold == pytest.approx(0.19) for verdict in verdicts)


def test_without_noise_the_null_rule_keeps_nothing() -> None:
    (verdict,) = null_rule([1.0], [], threshold=0.0)
    assert not verdict.kept
    assert verdict.threshold == float("inf")
    assert verdict.probability == 0.0


@pytest.mark.parametrize(
    ("distances", "cut", "ratio"),
    [
        ([], 0, 0.0),
        ([0.5], 0, 0.0),
        ([0.5, 0.5, 0.5], 0, 0.0),
        ([0.1, 0.2, 1.2], 0, 1.0 / 0.55),  # two gaps: the ratio stays below 2
        ([0.1, 1.1, 1.1, 1.2, 1.2], 1, 1.0 / 0.275),
        ([0.0, 0.0, 0.0, 0.0, 1.0, 1.0], 4, 5.0),
        ([0.0, 1.0, 1.0, 1.0], 1, 3.0),  # exactly significant
        ([0.0, 1.0, 1.25, 1.5], 0, 2.0),
        ([0.0, 4.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0], 1, 3.5),  # of equal gaps the first
    ],
)
def test_where_the_ratio_rule_cuts(distances: list[float], cut: int, ratio: float) -> None:
    found = ratio_cut(distances, significance=3.0)
    assert found[0] == cut
    assert found[1] == pytest.approx(ratio)


def test_the_significance_decides() -> None:
    distances = [0.0, 1.0, 1.25, 1.5]
    assert ratio_cut(distances, significance=2.0) == (1, 2.0)
    assert ratio_cut(distances, significance=2.01) == (0, 2.0)


def test_the_ratio_rule_cuts_at_the_largest_gap() -> None:
    # squared distances 0.2, 0.3, 1.3, 1.4, 1.4, 1.4; gaps 0.1, 1.0, 0.1, 0, 0; mean 0.24
    verdicts = ratio_rule([0.9, 0.85, 0.35, 0.3, 0.3, 0.3], [0.1, 0.5], significance=3.0)
    assert [verdict.kept for verdict in verdicts] == [True, True, False, False, False, False]
    assert all(verdict.rule == "ratio" for verdict in verdicts)
    assert all(verdict.score == pytest.approx(1.0 / 0.24) for verdict in verdicts)
    assert all(verdict.threshold == 3.0 for verdict in verdicts)
    assert [verdict.probability for verdict in verdicts] == [1.0, 1.0, 0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("similarities", "expected"),
    [
        ([], []),
        ([0.25], [True]),  # a squared distance of 1.5 is still kept
        ([0.249], [False]),
        ([0.9, 0.2], [True, False]),
        ([0.9, 0.3], [True, True]),
    ],
)
def test_fewer_than_three_are_held_against_the_ceiling(
    similarities: list[float], expected: list[bool]
) -> None:
    verdicts = ratio_rule(similarities, [], significance=3.0)
    assert [verdict.kept for verdict in verdicts] == expected
    assert all(verdict.rule == "few" and verdict.threshold == 1.5 for verdict in verdicts)
    assert [verdict.score for verdict in verdicts] == [squared_distance(s) for s in similarities]


def test_three_are_enough_for_gaps() -> None:
    verdicts = ratio_rule([0.9, 0.8, 0.7], [], significance=3.0)
    assert {verdict.rule for verdict in verdicts} == {"ratio"}
    assert CEILING == 1.5


def test_rules_are_chosen_by_name() -> None:
    similarities, noise = [0.9, 0.85, 0.35, 0.3, 0.3, 0.3], [0.87, 0.87]
    assert kept(similarities, noise, GapRule("null")) == 1
    assert kept(similarities, noise, GapRule("ratio")) == 2


@given(SIMILARITIES, NOISE, st.sampled_from(GapRule), SHARES)
def test_what_is_kept_stands_first(
    similarities: list[float], noise: list[float], rule: GapRule, threshold: float
) -> None:
    assert 0 <= kept(similarities, noise, rule, threshold) <= len(similarities)


@given(SIMILARITIES, SOME_NOISE, SHARES, st.lists(st.floats(0, 1), min_size=60, max_size=60))
def test_louder_noise_never_keeps_more(
    similarities: list[float], noise: list[float], threshold: float, louder: list[float]
) -> None:
    raised = sorted(n + more for n, more in zip(noise, louder, strict=False))
    assert kept(similarities, raised, GapRule.NULL, threshold) <= kept(
        similarities, noise, GapRule.NULL, threshold
    )


@given(SIMILARITIES, SOME_NOISE, SHARES, st.integers(1, 30))
def test_more_noise_above_the_bar_never_keeps_more(
    similarities: list[float], noise: list[float], threshold: float, many: int
) -> None:
    loud = noise + [noise[-1]] * many
    assert kept(similarities, loud, GapRule.NULL, threshold) <= kept(
        similarities, noise, GapRule.NULL, threshold
    )


@given(SIMILARITIES, SOME_NOISE, SHARES, SHARES)
def test_a_higher_threshold_never_keeps_more(
    similarities: list[float], noise: list[float], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert kept(similarities, noise, GapRule.NULL, high) <= kept(similarities, noise, GapRule.NULL, low)


@given(SIMILARITIES, st.floats(1, 50), st.floats(1, 50))
def test_a_higher_significance_never_keeps_more(similarities: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    count = [sum(v.kept for v in ratio_rule(similarities, [], significance=s)) for s in (low, high)]
    assert count[1] <= count[0]


@given(SOME_NOISE, SHARES, SHARES)
def test_quantiles_are_bounded_and_monotonic(noise: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert noise[0] <= quantile(noise, low) <= quantile(noise, high) <= noise[-1]


@given(SIMILARITIES, SOME_NOISE)
def test_what_beats_no_noise_is_never_kept(similarities: list[float], noise: list[float]) -> None:
    verdicts = null_rule(similarities, noise, threshold=1.0)
    assert all(verdict.kept == (verdict.score > noise[-1]) for verdict in verdicts)
    assert all(0 <= verdict.probability <= 1 for verdict in verdicts)
