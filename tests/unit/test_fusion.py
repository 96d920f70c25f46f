"""One score from vectors, words and neighbours."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory import fusion
from memory.fusion import Scores, leaning, lend, own_scores
from memory.fusion_weights import BALANCED, FusionWeights
from memory.lexical.index import SATURATION, idf
from tests.tables import each

UNKNOWN = math.nan
MEAN, SCALE = 0.2, 0.1
COSINES = st.floats(-1, 1)
LEXICAL = st.floats(0, 30)
SHARES = st.floats(0, 1)
WEIGHTS = st.builds(FusionWeights, dense=st.floats(0, 5), lexical=st.floats(0, 5))
EPISODES = st.lists(st.tuples(st.one_of(COSINES, st.just(UNKNOWN)), LEXICAL, SHARES), min_size=1, max_size=9)


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
    after: list[float] = lend(np.asarray(scores, np.float64), sizes, neighbours, share).tolist()
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

    @each("mean", [-0.5, 0.0, 0.5])
    def test_an_unknown_cosine_says_nothing_whatever_the_mean(self, mean: float) -> None:
        assert own((UNKNOWN, 4.0, 0.5), mean=mean) == [pytest.approx(1.3)]

    def test_each_weight_counts_its_own_voice(self) -> None:
        episode = (0.5, 4.0, 0.5)
        assert own(episode, weights=FusionWeights(dense=2.0, lexical=0.0)) == [pytest.approx(6.0)]
        assert own(episode, weights=FusionWeights(dense=0.0, lexical=2.0)) == [pytest.approx(4.0)]
        assert own(episode, weights=FusionWeights(neighbours=9.0)) == own(episode)

    @given(EPISODES, WEIGHTS)
    def test_an_unknown_cosine_says_as_much_as_one_below_the_mean(
        self, episodes: list[tuple[float, float, float]], weights: FusionWeights
    ) -> None:
        silent = [(UNKNOWN, lexical, coverage) for _, lexical, coverage in episodes]
        below = [(MEAN - 0.3, lexical, coverage) for _, lexical, coverage in episodes]
        words = [weights.lexical * lexical * coverage for _, lexical, coverage in episodes]
        assert own(*silent, weights=weights) == own(*below, weights=weights) == pytest.approx(words)

    @given(EPISODES, WEIGHTS, st.sampled_from([0.25, 0.5, 2.0, 8.0]))
    def test_vectors_count_in_units_of_their_scatter(
        self, episodes: list[tuple[float, float, float]], weights: FusionWeights, factor: float
    ) -> None:
        scaled = [(cosine * factor, lexical, coverage) for cosine, lexical, coverage in episodes]
        as_it_was = own(*episodes, weights=weights)
        assert own(*scaled, mean=MEAN * factor, scale=SCALE * factor, weights=weights) == as_it_was

    @given(EPISODES, WEIGHTS, st.floats(0, 5), st.floats(0, 5))
    def test_more_weight_is_never_less_score(
        self, episodes: list[tuple[float, float, float]], weights: FusionWeights, dense: float, lexical: float
    ) -> None:
        more = FusionWeights(dense=weights.dense + dense, lexical=weights.lexical + lexical)
        before, after = own(*episodes, weights=weights), own(*episodes, weights=more)
        assert all(0 <= one <= other for one, other in zip(before, after, strict=True))

    @given(EPISODES, st.floats(0, 1), LEXICAL, SHARES)
    def test_more_of_a_voice_is_never_less_score(
        self, episodes: list[tuple[float, float, float]], closer: float, lexical: float, covered: float
    ) -> None:
        more = [(c + closer, x + lexical, min(v + covered, 1.0)) for c, x, v in episodes]
        assert all(one <= other for one, other in zip(own(*episodes), own(*more), strict=True))

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
        assert leaning(np.array([length])).tolist() == [pytest.approx(expected)]

    @given(st.integers(0, 400), st.integers(401, 10**6))
    def test_full_up_to_short_and_a_quarter_at_twice_the_length(self, short: int, long: int) -> None:
        full, part, half = leaning(np.array([short, long, 2 * long])).tolist()
        assert full == 1.0
        assert 0 < part < 1
        assert half == pytest.approx(part / 4)


LINKS = [(0, 1, 1), (1, 0, 1), (1, 2, 1), (2, 1, 1), (0, 2, 2), (2, 0, 2)]


class TestLend:
    def test_the_reach_is_two_turns(self) -> None:
        assert fusion.SPAN == 2

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
        lend(scores, np.array([1, 1]), [(0, 1, 1)], 0.5)
        assert scores.tolist() == [4.0, 8.0]

    @given(
        st.lists(st.tuples(st.floats(0, 50), st.integers(0, 5000)), min_size=1, max_size=8),
        st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(1, 2)), max_size=20),
        st.floats(0, 1),
    )
    def test_only_neighbours_lend_and_never_less_than_nothing(
        self, turns: list[tuple[float, int]], drawn: set[tuple[int, int, int]], share: float
    ) -> None:
        links = sorted(link for link in drawn if link[0] < len(turns) > link[1] and link[0] != link[1])
        scores = [score for score, _ in turns]
        after = lent(scores, *links, lengths=[length for _, length in turns], share=share)
        for turn, (before, now) in enumerate(zip(scores, after, strict=True)):
            theirs = sum(scores[other] for borrower, other, _ in links if borrower == turn)
            assert before <= now <= before + share * theirs + 1e-9
            assert theirs or now == before
