"""What must hold of the bound, the score and the curves, whatever the turns are."""

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from memory.tuning.curves import LabelledTurn, choose, operating_points
from memory.tuning.gain_bound import (
    LEAST_EFFECTIVE,
    LEAST_GROUPS,
    LEAST_TURNS,
    effective_groups,
    lower_bound,
    measure_gain,
    required_confidence,
)
from memory.tuning.held_out import HeldOut, utility

DRAWS = 200
IDS = st.sets(st.sampled_from("abcdefgh"))
SIZES = st.lists(st.integers(4, 60), min_size=LEAST_GROUPS, max_size=40).filter(
    lambda sizes: sum(sizes) >= LEAST_TURNS and effective_groups(sizes) >= LEAST_EFFECTIVE
)
"""Turns of each day."""


def proofs(sizes: list[int], sums: Callable[[NDArray[np.int_]], NDArray[Any]]) -> float:
    """Return the share of changes that are found better; `sums` draws what each day's turns gain together."""
    turns = np.array(sizes)
    drawn = (sums(turns) for _ in range(DRAWS))
    return sum(lower_bound(some, turns.astype(float)) > 0 for some in drawn) / DRAWS


@settings(max_examples=5, derandomize=True, deadline=None)
@given(SIZES, st.floats(0, 2), st.integers(0, 2**32 - 1))
def test_what_is_no_better_is_refused(sizes: list[int], spread: float, seed: int) -> None:
    """Turns of one day have luck in common."""
    chance = np.random.default_rng(seed)
    found = proofs(
        sizes,
        lambda turns: (
            turns * chance.normal(0, spread, len(turns)) + np.sqrt(turns) * chance.normal(size=len(turns))
        ),
    )
    assert found <= 0.08


@settings(max_examples=5, derandomize=True, deadline=None)
@given(SIZES, st.floats(0.02, 0.2), st.integers(0, 2**32 - 1))
def test_rare_losses_of_turns_do_not_stay_hidden(sizes: list[int], share: float, seed: int) -> None:
    """Some turns lose what the others gain."""
    chance = np.random.default_rng(seed)
    found = proofs(sizes, lambda turns: turns * share - chance.binomial(turns, share))
    assert found <= 0.06


@settings(max_examples=6, derandomize=True, deadline=None)
@given(SIZES, st.floats(1 / 8, 1 / 4), st.floats(0.1, 0.6), st.integers(0, 2**32 - 1))
def test_rare_losses_of_whole_days_do_not_stay_hidden(
    sizes: list[int], share: float, loss: float, seed: int
) -> None:
    """One day of eight to four loses what the others gain; twenty days hold none with a chance of 7 %."""
    chance = np.random.default_rng(seed)
    found = proofs(
        sizes, lambda turns: turns * loss * (share - (chance.random(len(turns)) < share)) / (1 - share)
    )
    assert found <= 0.13


@settings(max_examples=5, derandomize=True, deadline=None)
@given(SIZES, st.integers(0, 2**32 - 1))
def test_rare_wins_are_no_proof(sizes: list[int], seed: int) -> None:
    chance = np.random.default_rng(seed)
    found = proofs(sizes, lambda turns: chance.binomial(turns, 0.05) - turns * 0.05)
    assert found <= 0.05


@settings(max_examples=4, derandomize=True, deadline=None)
@given(st.lists(st.integers(15, 60), min_size=30, max_size=40), st.integers(0, 2**32 - 1))
def test_a_steady_gain_is_proven(sizes: list[int], seed: int) -> None:
    """Of a hundred turns, six win and one loses."""
    chance = np.random.default_rng(seed)
    proven = 1 - proofs(sizes, lambda turns: chance.binomial(turns, 0.01) - chance.binomial(turns, 0.06))
    assert proven >= 0.8


DIFFERENCES = st.lists(st.floats(-1, 1), min_size=LEAST_GROUPS, max_size=30)


@given(DIFFERENCES, st.floats(0, 1))
def test_a_loss_more_never_raises_the_bound(differences: list[float], more: float) -> None:
    sums, sizes = 15 * np.array(differences), np.full(len(differences), 15.0)
    worse = sums.copy()
    worse[sums.argmin()] -= 15 * more
    assert lower_bound(worse, sizes) <= lower_bound(sums, sizes) + 1e-9


@given(DIFFERENCES, st.integers(1, 100), st.randoms())
def test_the_bound_lies_below_the_mean_and_depends_on_no_order(
    differences: list[float], tries: int, chance: Random
) -> None:
    turns = [
        HeldOut(group=f"{n % len(differences)}", before=-1, after=-1 + differences[n % len(differences)])
        for n in range(8 * len(differences))
    ]
    found = measure_gain(turns, confidence=required_confidence(tries))
    assert found.at_least <= found.mean + 1e-9
    assert found.at_least <= measure_gain(turns).at_least + 1e-9
    mixed = chance.sample(turns, len(turns))
    assert np.isclose(measure_gain(mixed, confidence=required_confidence(tries)).at_least, found.at_least)


@given(IDS, IDS)
def test_a_score_lies_between_noise_and_all_that_is_relevant(shown: set[str], relevant: set[str]) -> None:
    assert -1 <= utility(len(shown & relevant), len(shown), len(relevant)) <= 1
    assert utility(len(relevant), len(relevant), len(relevant)) == bool(relevant)
    assert utility(0, 0, len(relevant)) == 0


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


@settings(max_examples=15)
@given(TURNS)
def test_a_higher_threshold_shows_no_more(turns: list[LabelledTurn]) -> None:
    points = operating_points(turns)
    answered = [point.answered.value for point in points if point.answered]
    assert answered == sorted(answered, reverse=True)
    false = [point.false_injections.value for point in points if point.false_injections]
    assert false == sorted(false, reverse=True)
    recalls = [point.recall.value for point in points if point.recall]
    assert np.all(np.diff(recalls) <= 1e-12)
    for point in points:
        false_ = point.false_injections
        assert false_ is None or not false_.bounded or -1e-9 <= false_.low <= false_.high <= 100 + 1e-9


@settings(max_examples=15)
@given(TURNS, st.floats(0, 100))
def test_what_is_chosen_keeps_to_the_limit(turns: list[LabelledTurn], most_false: float) -> None:
    points = operating_points(turns)
    chosen = choose(points, most_false=most_false)
    if chosen is not None:
        assert chosen.false_injections is not None
        assert chosen.false_injections.value <= most_false
