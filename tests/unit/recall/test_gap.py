"""The gap filter's rules: examples worked out by hand, and what holds for any list."""

import math
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, strategies as st

from memory.models import Decision, DecisionRule
from memory.recall.gap_rules import (
    GapRule,
    calibrated_rule,
    log_odds,
    null_rule,
    quantile,
    ratio_cut,
    ratio_rule,
    share_below,
    squared_distance,
)
from tests.tables import each

SHARES = st.floats(0, 1)


CHANCES = st.lists(st.floats(0, 1), max_size=40)
FALLS = st.floats(0.01, 30)
Rule = Callable[[list[float], list[float], float], list[Decision]]


def numbered(values: Sequence[float]) -> dict[str, float]:
    """Give each value the id of a turn."""
    return {str(place): value for place, value in enumerate(values)}


def null(similarities: list[float], noise: list[float], threshold: float) -> list[Decision]:
    return null_rule(numbered(similarities), noise, threshold=threshold)


def ratio(similarities: list[float], noise: list[float], threshold: float) -> list[Decision]:
    return ratio_rule(numbered(similarities), noise, significance=3.0)


def calibrated(similarities: list[float], noise: list[float], threshold: float) -> list[Decision]:
    return calibrated_rule(numbered([(1 + s) / 2 for s in similarities]), threshold=threshold, fall=3.0)


RULES: dict[GapRule, Rule] = {GapRule.NULL: null, GapRule.RATIO: ratio, GapRule.CALIBRATED: calibrated}


def kept(similarities: list[float], noise: list[float], rule: GapRule, threshold: float = 0.95) -> int:
    """Return how many are kept, which must be the first ones."""
    decisions = RULES[rule](similarities, noise, threshold)
    assert len(decisions) == len(similarities)
    count = sum(decision.kept for decision in decisions)
    assert all(decision.kept for decision in decisions[:count])
    return count


@each(("share", "expected"), [(0.0, 1.0), (0.25, 2.0), (0.5, 3.0), (0.6, 3.4), (0.95, 4.8), (1.0, 5.0)])
def test_quantile_interpolates(share: float, expected: float) -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0, 5.0], share) == pytest.approx(expected)


def test_beaten_counts_what_lies_strictly_below() -> None:
    noise = [0.1, 0.2, 0.2, 0.4]
    assert [share_below(s, noise) for s in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)] == [0, 0, 0.25, 0.75, 0.75, 1]
    assert share_below(0.9, []) == 0.0


def test_the_null_rule_holds_each_against_the_quantile() -> None:
    noise = [i / 100 for i in range(21)]
    decisions = null_rule(numbered([0.5, 0.191, 0.19, 0.1]), noise, threshold=0.95)
    assert [decision.kept for decision in decisions] == [True, True, False, False]
    assert [decision.score for decision in decisions] == [0.5, 0.191, 0.19, 0.1]
    assert [decision.probability for decision in decisions] == [1.0, 20 / 21, 19 / 21, 10 / 21]
    assert all(decision.rule == DecisionRule.NULL for decision in decisions)
    assert all(decision.threshold == pytest.approx(0.19) for decision in decisions)


def test_without_noise_the_null_rule_keeps_nothing() -> None:
    (decision,) = null_rule(numbered([1.0]), [], threshold=0.0)
    assert not decision.kept
    assert decision.threshold == float("inf")
    assert decision.probability == 0.0


@each(
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
    decisions = ratio_rule(numbered([0.9, 0.85, 0.35, 0.3, 0.3, 0.3]), [0.1, 0.5], significance=3.0)
    assert [decision.kept for decision in decisions] == [True, True, False, False, False, False]
    assert all(decision.rule == DecisionRule.RATIO for decision in decisions)
    assert all(decision.score == pytest.approx(1.0 / 0.24) for decision in decisions)
    assert all(decision.threshold == 3.0 for decision in decisions)
    assert [decision.probability for decision in decisions] == [1.0, 1.0, 0.5, 0.5, 0.5, 0.5]


@each(
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
    decisions = ratio_rule(numbered(similarities), [], significance=3.0)
    assert [decision.kept for decision in decisions] == expected
    assert all(decision.rule == DecisionRule.FEW and decision.threshold == 1.5 for decision in decisions)
    assert [decision.score for decision in decisions] == [squared_distance(s) for s in similarities]


def test_every_rule_has_a_name_of_its_own_and_judges_on_its_own() -> None:
    similarities, noise = [0.9, 0.85, 0.35, 0.3, 0.3, 0.3], [0.87, 0.87]
    assert {rule.value: kept(similarities, noise, rule, 0.64) for rule in RULES} == {
        "null": 1,
        "ratio": 2,
        "calibrated": 6,
    }


@each(
    ("chances", "threshold", "expected"),
    [
        ([], 0.5, []),
        ([0.5], 0.5, ["calibrated"]),  # the threshold itself is enough
        ([0.4999], 0.5, []),
        ([0.9, 0.6, 0.4], 0.5, ["calibrated", "calibrated"]),  # log-odds 2.2, 0.4
        ([0.99, 0.6], 0.5, ["calibrated", "break"]),  # 4.6, 0.4: a fall of 4.2
        ([0.99, 0.9, 0.6], 0.5, ["calibrated"] * 3),  # 4.6, 2.2, 0.4: never more than 3 at once
        ([0.999, 0.6, 0.55], 0.5, ["calibrated", "break", "break"]),
        ([0.99, 0.98, 0.1], 0.5, ["calibrated", "calibrated"]),  # a fall below the threshold is none
        ([0.99, 0.98, 0.1], 0.0, ["calibrated", "calibrated", "break"]),  # 4.6, 3.9, -2.2
        ([1.0, 1.0, 0.0], 0.0, ["calibrated", "calibrated", "break"]),
        ([0.0, 0.0], 0.0, ["calibrated", "calibrated"]),
        ([0.9999, 0.9, 0.1], 0.0, ["calibrated", "break", "break"]),  # of two falls the first: 9.2, 2.2, -2.2
    ],
)
def test_what_the_calibrated_rule_keeps(chances: list[float], threshold: float, expected: list[str]) -> None:
    decisions = calibrated_rule(numbered(chances), threshold=threshold, fall=3.0)
    judged = expected + ["calibrated"] * (len(chances) - len(expected))
    assert [decision.rule for decision in decisions] == judged
    passed = [rule == "calibrated" for rule in expected]
    assert [decision.kept for decision in decisions] == passed + [False] * (len(chances) - len(expected))
    assert [decision.probability for decision in decisions] == chances
    assert [decision.score for decision in decisions] == chances


def test_the_threshold_that_is_told_is_the_one_that_was_used() -> None:
    assert {v.threshold for v in calibrated_rule(numbered([0.9, 0.6, 0.4]), threshold=0.5, fall=3.0)} == {0.5}
    assert {v.threshold for v in calibrated_rule(numbered([0.99, 0.6, 0.4]), threshold=0.5, fall=3.0)} == {
        0.99
    }


def test_the_order_in_which_they_come_makes_no_difference() -> None:
    decisions = calibrated_rule(numbered([0.6, 0.4, 0.99]), threshold=0.5, fall=3.0)
    assert [(v.kept, v.rule) for v in decisions] == [
        (False, "break"),
        (False, "calibrated"),
        (True, "calibrated"),
    ]


@each(
    ("probability", "expected"),
    [(0.5, 0.0), (0.75, math.log(3)), (0.1, -math.log(9)), (0.0, -math.log(1e12)), (1.0, math.log(1e12))],
)
def test_log_odds_are_bounded(probability: float, expected: float) -> None:
    assert log_odds(probability) == pytest.approx(expected, rel=1e-4)


@given(CHANCES, SHARES, FALLS, st.randoms())
def test_no_memory_is_cut_for_one_that_is_less_probable(
    chances: list[float], threshold: float, fall: float, chance: random.Random
) -> None:
    decisions = calibrated_rule(numbered(chances), threshold=threshold, fall=fall)
    worst = min((v.probability for v in decisions if v.kept), default=2.0)
    assert all(v.kept == (v.probability >= worst) for v in decisions)
    assert all(v.probability >= v.threshold >= threshold for v in decisions if v.kept)
    assert not any(v.rule == DecisionRule.BREAK and v.kept for v in decisions)
    assert any(v.kept for v in decisions) == any(p >= threshold for p in chances)  # a break spares the best
    shuffled = list(enumerate(chances))
    chance.shuffle(shuffled)
    again = calibrated_rule(numbered([p for _, p in shuffled]), threshold=threshold, fall=fall)
    assert {place for (place, _), v in zip(shuffled, again, strict=True) if v.kept} == {
        place for place, v in enumerate(decisions) if v.kept
    }
