"""What must hold of the bound, the score and the curves, whatever the turns are."""

from collections.abc import Callable, Iterable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from memory.tuning.bound import LEAST_EFFECTIVE, LEAST_GROUPS, LEAST_TURNS, HeldOut, effective, gain
from memory.tuning.curves import LabelledTurn, choose, operating_points, risk_coverage
from memory.tuning.score import utility

DRAWS = 200
IDS = st.sets(st.sampled_from("abcdefgh"))


SIZES = st.lists(st.integers(4, 60), min_size=LEAST_GROUPS, max_size=20).filter(
    lambda sizes: sum(sizes) >= LEAST_TURNS and effective(sizes) >= LEAST_EFFECTIVE
)
"""Turns of each day."""


def held_out(differences: Iterable[float], days: Iterable[int]) -> list[HeldOut]:
    """Score turns that differ by a quarter of what is given, so that utilities stay in their range."""
    return [
        HeldOut(group=f"day {day}", before=-4.5, after=-4.5 + float(difference) / 4)
        for difference, day in zip(differences, days, strict=True)
    ]


def false_proofs(sizes: list[int], draw: Callable[[NDArray[np.intp]], NDArray[np.float64]]) -> float:
    """Return the share of changes found better that differ by chance alone."""
    days = np.repeat(np.arange(len(sizes)), sizes)
    return sum(gain(held_out(draw(days), days)).proven for _ in range(DRAWS)) / DRAWS


@settings(max_examples=6, derandomize=True, deadline=None)
@given(SIZES, st.floats(0, 2), st.integers(0, 2**32 - 1))
def test_what_is_no_better_is_refused_nine_times_of_ten(sizes: list[int], spread: float, seed: int) -> None:
    """Turns of one day have luck in common."""
    chance = np.random.default_rng(seed)
    found = false_proofs(
        sizes, lambda days: chance.normal(0, spread, len(sizes))[days] + chance.normal(0, 1, len(days))
    )
    assert found <= 0.1


@settings(max_examples=6, derandomize=True, deadline=None)
@given(SIZES, st.integers(0, 2**32 - 1))
def test_rare_losses_are_missed_more_often_but_not_at_will(sizes: list[int], seed: int) -> None:
    """One turn of twenty loses what the others gain: some sets of turns hold too few of them to tell."""
    chance = np.random.default_rng(seed)
    found = false_proofs(sizes, lambda days: np.where(chance.random(len(days)) < 0.05, -0.95, 0.05))
    assert found <= 0.2


@settings(max_examples=6, derandomize=True, deadline=None)
@given(SIZES, st.integers(0, 2**32 - 1))
def test_rare_wins_are_no_proof(sizes: list[int], seed: int) -> None:
    chance = np.random.default_rng(seed)
    found = false_proofs(sizes, lambda days: np.where(chance.random(len(days)) < 0.05, 0.95, -0.05))
    assert found <= 0.1


@settings(max_examples=20)
@given(st.lists(st.floats(-1, 1), min_size=LEAST_TURNS, max_size=2 * LEAST_TURNS), st.floats(-1, 1))
def test_the_bound_moves_with_the_gain(differences: list[float], more: float) -> None:
    days = [number % LEAST_GROUPS for number in range(len(differences))]
    found = gain(held_out(differences, days))
    moved = gain(held_out([one + more for one in differences], days))
    assert np.isclose(moved.mean, found.mean + more / 4)
    assert np.isclose(moved.at_least, found.at_least + more / 4)
    assert found == gain(held_out(differences, days))


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
