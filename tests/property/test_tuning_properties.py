"""What must hold of the bound, the score and the curves, whatever the turns are."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.tuning.bound import LEAST_GROUPS, LEAST_TURNS, Gain, HeldOut, gain
from memory.tuning.curves import LabelledTurn, choose, operating_points, risk_coverage
from memory.tuning.score import utility

DRAWS = 200
IDS = st.sets(st.sampled_from("abcdefgh"))


def held_out(differences: list[float], groups: int) -> list[HeldOut]:
    return [
        HeldOut(group=f"day {number % groups}", before=0.25, after=0.25 + difference)
        for number, difference in enumerate(differences)
    ]


def without_a_difference(chance: np.random.Generator, groups: int, spread: float) -> Gain:
    """Score turns whose settings differ by chance alone; those of one day have luck in common."""
    turns = max(LEAST_TURNS, 3 * groups)
    days = chance.normal(0, spread, groups)
    return gain(held_out([days[n % groups] + chance.normal(0, 1) for n in range(turns)], groups))


@settings(max_examples=6, derandomize=True)
@given(st.integers(LEAST_GROUPS, 30), st.floats(0, 2), st.integers(0, 2**32 - 1))
def test_what_is_no_better_is_refused_nine_times_of_ten(groups: int, spread: float, seed: int) -> None:
    chance = np.random.default_rng(seed)
    proven = sum(without_a_difference(chance, groups, spread).proven for _ in range(DRAWS))
    assert proven <= 0.1 * DRAWS


@settings(max_examples=20)
@given(st.lists(st.floats(-1, 1), min_size=LEAST_TURNS, max_size=2 * LEAST_TURNS), st.floats(-1, 1))
def test_the_bound_moves_with_the_gain(differences: list[float], more: float) -> None:
    found = gain(held_out(differences, 6))
    moved = gain(held_out([one + more for one in differences], 6))
    assert np.isclose(moved.mean, found.mean + more)
    assert np.isclose(moved.at_least, found.at_least + more)
    assert found == gain(held_out(differences, 6))


@given(IDS, IDS, st.floats(0, 5))
def test_a_score_lies_between_noise_and_all_that_is_relevant(
    shown: set[str], relevant: set[str], cost: float
) -> None:
    score = utility(shown, relevant, cost=cost)
    assert -cost <= score <= 1
    assert utility(relevant, relevant, cost=cost) == bool(relevant)
    if not shown:
        assert score == 0


TURNS = st.lists(
    st.builds(
        lambda group, found, more: LabelledTurn(
            group=str(group), found=found, relevant=sum(fits for _, fits in found) + more
        ),
        st.integers(0, 5),
        st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=5),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=30)
@given(TURNS)
def test_a_higher_threshold_shows_no_more(turns: list[LabelledTurn]) -> None:
    curve, points = risk_coverage(turns), operating_points(turns)
    coverages = [point.coverage.value for point in curve]
    assert coverages == sorted(coverages, reverse=True)
    false = [point.false_injections.value for point in points if point.false_injections]
    assert false == sorted(false, reverse=True)
    recalls = [point.recall.value for point in points if point.recall]
    assert np.all(np.diff(recalls) <= 1e-12)
    for point in curve:
        assert point.risk is None or -1e-9 <= point.risk.low <= point.risk.high <= 1 + 1e-9


@settings(max_examples=30)
@given(TURNS, st.floats(0, 100))
def test_what_is_chosen_keeps_to_the_limit(turns: list[LabelledTurn], most_false: float) -> None:
    points = operating_points(turns)
    chosen = choose(points, most_false=most_false)
    if chosen is not None:
        assert chosen.false_injections is not None
        assert chosen.false_injections.value <= most_false
        surely = choose(points, most_false=most_false, surely=True)
        assert surely is None or (surely.recall is None) == (chosen.recall is None)
