"""A calibration fitted on labelled evidence."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from memory.calibration.fit import LabelledQuery, Matrix, fit_calibration, regress
from memory.models import Evidence, QueryFacts
from memory.recall.relevance import Calibration
from tests.tables import each

COUNT = 150
Found = Sequence[tuple[Evidence, bool]]
BothWays = pytest.mark.parametrize("vectors", [True, False], ids=["with vectors", "words alone"])


def sigmoid(logits: Matrix) -> Matrix:
    return np.asarray(1 / (1 + np.exp(-logits)))


def evidence(standing: float, *, share: float = 1.0, coverage: float = 0.0) -> Evidence:
    return Evidence(
        lexical=0, coverage=coverage, share=share, cosine=standing, standing=standing, surplus=0.0
    )


def asked(
    found: Found, *, documents: int = 50, relevant: bool = False, group: str = "g", small_talk: bool = False
) -> LabelledQuery:
    query = QueryFacts(documents=documents, words=3, unseen=0.0, small_talk=small_talk)
    return LabelledQuery(group=group, query=query, found=found, relevant=relevant)


def fit(some: Sequence[LabelledQuery], *, false_rate: float = 0.1) -> Calibration:
    return fit_calibration(some, model="test", data={"d": "hash"}, false_rate=false_rate)


def drawn(
    chance: np.random.Generator, documents: int, *, relevant: bool, level: float = 0.0
) -> LabelledQuery:
    """Draw a query whose answer, if it has one, stands out by its standing, share and coverage."""
    found = []
    for number in range(4):
        gold = relevant and number == 0
        low = 0.4 if gold else 0.0
        share, coverage = chance.uniform(low, 1, size=2)
        standing = chance.normal(level + 2.0 * gold)
        found.append((evidence(standing, share=share, coverage=coverage), gold))
    query = QueryFacts(documents=documents, words=4, unseen=chance.uniform(), small_talk=False)
    return LabelledQuery(group=str(documents), query=query, found=found, relevant=relevant)


def some_asked(seed: int = 7, *, small: int = 2) -> list[LabelledQuery]:
    """Return queries of small archives, which reach higher, and of grown ones."""
    chance = np.random.default_rng(seed)
    return [
        drawn(chance, documents, relevant=relevant, level=level)
        for documents, level in ((small, 0.7), (50, 0.0), (400, -0.2))
        for relevant in (True, False)
        for _ in range(COUNT)
    ]


def without_vectors(one: Evidence) -> Evidence:
    return Evidence(lexical=one.lexical, coverage=one.coverage, share=one.share)


def false_share(
    fitted: Calibration, some: Sequence[LabelledQuery], of: Callable[[int], bool], *, vectors: bool = True
) -> float:
    """Return how many of the irrelevant queries of such archives find something."""
    best = [
        max(fitted.probability(e if vectors else without_vectors(e), one.query) for e, _ in one.found)
        for one in some
        if not one.relevant and of(one.query.documents)
    ]
    return float(np.mean([probability >= 0.5 - 1e-12 for probability in best]))


class TestRegress:
    @settings(deadline=None)
    @given(st.lists(st.tuples(st.floats(-3, 3), st.booleans(), st.floats(0.1, 2)), min_size=2, max_size=20))
    def test_the_score_equations_hold_with_the_ridge(self, told: list[tuple[float, bool, float]]) -> None:
        rows, labels = np.array([[x] for x, _, _ in told]), [label for _, label, _ in told]
        weights = np.array([weight for _, _, weight in told])
        (slope,), constant = regress(rows, labels, weights)
        left = weights / weights.sum() * (np.array(labels) - sigmoid(rows[:, 0] * slope + constant))
        assert left @ rows[:, 0] == pytest.approx(0.001 * slope, abs=1e-7)
        assert left.sum() == pytest.approx(0.001 * constant, abs=1e-7)


class TestLimits:
    def test_they_are_the_percentiles(self) -> None:
        told = [asked([(evidence(n, coverage=n / 200), n > 150)], relevant=n > 150) for n in range(201)]
        fitted = fit(told)
        assert fitted.with_vectors.limits == {
            "standing": pytest.approx((1.0, 199.0)),
            "share": (1.0, 1.0),
            "young": (0.0, 1.0),
        }
        assert fitted.words_alone.limits["coverage"] == pytest.approx((0.005, 0.995))

    def test_beyond_them_nothing_changes(self) -> None:
        fitted, query = fit(some_asked()), QueryFacts(documents=100)
        _, high = fitted.with_vectors.limits["standing"]
        most, at_limit = (fitted.probability(evidence(x), query) for x in (high + 9, high))
        assert most == at_limit
        assert at_limit > fitted.probability(evidence(high - 0.1), query)


class TestWeights:
    GOLD, OTHER, IRRELEVANT = (1.0, 2.0, 4.0), (0.0, 1.0, 1.5, 3.0), (-1.0, 0.5)

    def told(self, group: str = "g", times: int = 1, sign: float = 1.0) -> list[LabelledQuery]:
        found = [(evidence(x * sign), True) for x in self.GOLD]
        found += [(evidence(x * sign), False) for x in self.OTHER]
        nothing = [(evidence(x * sign), False) for x in self.IRRELEVANT]
        return [asked(found, relevant=True, group=group), asked(nothing, group=group)] * times

    def test_the_answers_weigh_as_much_as_the_others_of_either_kind_together(self) -> None:
        standings = np.array([*self.GOLD, *self.OTHER, *self.IRRELEVANT])
        low, high = np.percentile(standings, [0.5, 99.5])
        rows = np.clip(standings, low, high)
        weights = np.array([1 / 3] * 3 + [1 / 8] * 4 + [1 / 4] * 2)
        scaled = (rows - rows.mean()) / rows.std()
        (slope,), _ = regress(scaled[:, None], [True] * 3 + [False] * 6, weights)
        fitted = fit(self.told())
        assert fitted.with_vectors.coefficients["standing"] == pytest.approx(slope / rows.std(), abs=1e-4)

    def test_of_a_group_that_asks_often_each_query_weighs_less(self) -> None:
        once = fit([*self.told("a"), *self.told("b", sign=-0.5)]).with_vectors.coefficients["standing"]
        often = fit([*self.told("a"), *self.told("b", 9, sign=-0.5)]).with_vectors.coefficients["standing"]
        other = fit([*self.told("a"), *self.told("a", 9, sign=-0.5)]).with_vectors.coefficients["standing"]
        assert often == pytest.approx(once, abs=0.1)
        assert other < once - 0.3


class TestFalseRate:
    @BothWays
    @pytest.mark.parametrize("false_rate", [0.02, 0.25])
    def test_what_is_asked_for_is_met_by_grown_and_by_small_archives(
        self, false_rate: float, vectors: bool
    ) -> None:
        told = some_asked()
        fitted = fit(told, false_rate=false_rate)
        grown = false_share(fitted, told, lambda documents: documents >= 50, vectors=vectors)
        small = false_share(fitted, told, lambda documents: documents <= 3, vectors=vectors)
        assert grown == pytest.approx(false_rate, abs=1 / (2 * COUNT) + 1e-9)
        assert small == pytest.approx(false_rate, abs=1 / COUNT + 1e-9)

    @staticmethod
    def reaching(documents: int, *, small_talk: bool = False) -> list[LabelledQuery]:
        """Return irrelevant queries that all reach a standing of 1."""
        return [asked([(evidence(1.0), False)], documents=documents, small_talk=small_talk)] * 5

    BASE = (
        asked([(evidence(3.0), True)], relevant=True),
        *[asked([(evidence(x), False)]) for x in (0.0, 0.0, 0.0, 2.0)],
    )

    def at(self, fitted: Calibration, standing: float, documents: int) -> float:
        return fitted.probability(evidence(standing), QueryFacts(documents=documents))

    @each(("documents", "counted"), [(9, False), (10, True), (50, True)])
    def test_an_archive_is_grown_from_ten_turns_on(self, documents: int, counted: bool) -> None:
        low = [one for one in self.BASE if one.relevant]
        told = [*low, *[asked([(evidence(0.0), False)])] * 2, *self.reaching(documents)]
        fitted = fit(told, false_rate=0.5)
        assert self.at(fitted, 1.0 if counted else 0.0, 1000) == pytest.approx(0.5)

    @each(("documents", "counted"), [(1, True), (3, True), (4, False)])
    def test_an_archive_is_small_up_to_three_turns(self, documents: int, counted: bool) -> None:
        fitted = fit([*self.BASE, *self.reaching(documents)], false_rate=0.5)
        assert self.at(fitted, 0.0, 1000) == pytest.approx(0.5)
        assert (fitted.with_vectors.coefficients["young"] != 0) == counted
        if counted:
            assert self.at(fitted, 1.0, documents) == pytest.approx(0.5)

    def test_small_talk_and_what_finds_nothing_do_not_move_the_bar(self) -> None:
        told = [*self.BASE, *self.reaching(50, small_talk=True), asked([])]
        assert self.at(fit(told, false_rate=0.5), 0.0, 1000) == pytest.approx(0.5)


class TestWhole:
    def test_the_same_data_give_the_same_fit(self) -> None:
        assert fit(some_asked()).model_dump_json() == fit(some_asked()).model_dump_json()
