"""One score from vectors, words and neighbours."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from memory.lexical.lexical_index import SATURATION, idf
from memory.recall.fusion import Scores, add_neighbours, neighbour_reliance, own_scores
from memory.recall.fusion_weights import BALANCED, FusionWeights
from tests.tables import each

UNKNOWN = math.nan
MEAN, SCALE = 0.2, 0.1


def own(
    *episodes: tuple[float, float, float],
    mean: float = MEAN,
    scale: float = SCALE,
    weights: FusionWeights = BALANCED,
) -> list[float]:
    """Score episodes, each given as cosine, BM25 and coverage."""
    cosines, lexical, coverage = np.asarray(episodes, np.float64).T
    scores: list[float] = own_scores(
        cosines, lexical, coverage, mean=mean, scale=scale, weights=weights
    ).tolist()
    return scores


def lent(
    scores: list[float],
    *neighbours: tuple[int, int, int],
    lengths: list[int] | None = None,
    share: float = BALANCED.neighbours,
) -> list[float]:
    sizes = np.asarray(lengths or [1] * len(scores), np.int64)
    after: list[float] = add_neighbours(np.asarray(scores, np.float64), sizes, neighbours, share).tolist()
    return after


class TestOwnScores:
    @each(
        ("cosine", "lexical", "coverage", "expected"),
        [
            (0.5, 0.0, 0.0, 3.0),
            (0.3, 0.0, 0.0, 1.0),
            (0.2, 0.0, 0.0, 0.0),
            (0.1, 0.0, 0.0, 0.0),
            (-1.0, 0.0, 0.0, 0.0),
            (UNKNOWN, 0.0, 0.0, 0.0),
            (UNKNOWN, 4.0, 1.0, 2.6),
            (UNKNOWN, 4.0, 0.5, 1.3),
            (-1.0, 4.0, 0.5, 1.3),
            (0.5, 4.0, 0.5, 4.3),
            (0.5, 4.0, 0.0, 3.0),
        ],
    )
    def test_table(self, cosine: float, lexical: float, coverage: float, expected: float) -> None:
        assert own((cosine, lexical, coverage)) == [pytest.approx(expected)]

    def test_each_weight_counts_its_own_voice(self) -> None:
        episode = (0.5, 4.0, 0.5)
        assert own(episode, weights=FusionWeights(dense=2.0, lexical=0.0)) == [pytest.approx(6.0)]
        assert own(episode, weights=FusionWeights(dense=0.0, lexical=2.0)) == [pytest.approx(4.0)]
        assert own(episode, weights=FusionWeights(neighbours=9.0)) == own(episode)

    @given(st.floats(3, 8), st.integers(2, 5000), st.floats(0, 0.5), st.floats(0, SATURATION))
    def test_a_strong_dense_hit_stands_above_one_that_holds_a_common_word_only(
        self, scales_above: float, documents: int, coverage: float, saturation: float
    ) -> None:
        common = saturation * idf(documents, documents // 2 + 1)
        dense, word = own((MEAN + scales_above * SCALE, 0.0, 0.0), (MEAN, common, coverage))
        assert dense > word + 2

    @given(st.floats(0, 2), st.integers(200, 100_000), st.floats(0.9, SATURATION))
    def test_a_rare_word_that_covers_the_query_stands_above_a_weak_dense_hit(
        self, scales_above: float, documents: int, saturation: float
    ) -> None:
        rare = saturation * idf(documents, 1)
        dense, word = own((MEAN + scales_above * SCALE, 0.0, 0.0), (UNKNOWN, rare, 1.0))
        assert word > dense


class TestLeaning:
    @each(
        ("length", "expected"),
        [(0, 1), (1, 1), (399, 1), (400, 1), (500, 0.64), (800, 1 / 4), (1200, 1 / 9), (4000, 0.01)],
    )
    def test_table(self, length: int, expected: float) -> None:
        assert neighbour_reliance(np.array([length])).tolist() == [pytest.approx(expected)]


LINKS = [(0, 1, 1), (1, 0, 1), (1, 2, 1), (2, 1, 1), (0, 2, 2), (2, 0, 2)]


class TestLend:
    def test_shares_by_distance(self) -> None:
        assert lent([0.0, 0.0, 8.0], *LINKS) == pytest.approx([0.8, 2.0, 8.0])
        assert lent([4.0, 0.0, 8.0], *LINKS) == pytest.approx([4.8, 3.0, 8.4])

    def test_a_long_turn_borrows_less_and_lends_in_full(self) -> None:
        assert lent([4.0, 8.0], (0, 1, 1), (1, 0, 1), lengths=[800, 400]) == pytest.approx([4.5, 9.0])
        assert lent([0.0, 8.0], (0, 1, 2), lengths=[1200, 9999]) == pytest.approx([0.8 / 9, 8.0])

    def test_what_was_lent_is_not_lent_on(self) -> None:
        assert lent([8.0, 0.0, 0.0], (1, 0, 1), (2, 1, 1)) == pytest.approx([8.0, 2.0, 0.0])

    def test_nothing_without_neighbours_or_share(self) -> None:
        assert lent([4.0, 8.0]) == [4.0, 8.0]
        assert lent([4.0, 8.0], (0, 1, 1), (1, 0, 2), share=0.0) == [4.0, 8.0]

    def test_the_scores_given_are_left_alone(self) -> None:
        scores: Scores = np.array([4.0, 8.0])
        add_neighbours(scores, np.array([1, 1]), [(0, 1, 1)], 0.5)
        assert scores.tolist() == [4.0, 8.0]
