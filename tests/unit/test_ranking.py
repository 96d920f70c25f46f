"""The order of relevant memories."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.models import Candidate, Mechanism
from memory.ranking import RankRule, access, blended, ordered, recency

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BARE = Candidate(
    turn_id="t",
    thread="1",
    at=NOW,
    message="m",
    reply="r",
    whole=True,
    mechanism=Mechanism.THEMATIC,
    rank=1,
    score=0.5,
)
CANDIDATES = st.lists(
    st.builds(
        lambda turn_id, score, days, count: candidate(str(turn_id), score, days=days, count=count),
        st.integers(0, 10_000),
        st.floats(-1, 1),
        st.floats(0, 400),
        st.integers(0, 50),
    ),
    max_size=20,
)


def candidate(turn_id: str, score: float, *, days: float = 0, count: int = 0) -> Candidate:
    at = NOW - timedelta(days=days)
    return replace(BARE, turn_id=turn_id, score=score, at=at, access_count=count)


def order(*candidates: Candidate, rule: RankRule = RankRule.RELEVANCE) -> list[str]:
    best_first = ordered(candidates, rule=rule, now=NOW, window_days=30, reference=10)
    return [c.turn_id for c in best_first]


@pytest.mark.parametrize(
    ("days", "expected"), [(-5, 1.0), (0, 1.0), (15, 0.5), (29, 1 / 30), (30, 0.0), (400, 0.0)]
)
def test_recency_falls_to_nothing_over_the_window(days: float, expected: float) -> None:
    assert recency(NOW - timedelta(days=days), NOW, window_days=30) == pytest.approx(expected)


def test_access_is_a_share_of_the_reference() -> None:
    assert [access(count, reference=10) for count in (0, 1, 5, 10, 11, 1000)] == [0, 0.1, 0.5, 1, 1, 1]


def test_blend_weighs_similarity_recency_and_access() -> None:
    def of(c: Candidate) -> float:
        return blended(c, NOW, window_days=30, reference=10)

    assert of(candidate("a", 1.0, days=30)) == pytest.approx(0.6)
    assert of(candidate("a", 0.0, days=0)) == pytest.approx(0.3)
    assert of(candidate("a", 0.0, days=30, count=10)) == pytest.approx(0.1)
    assert of(candidate("a", 0.5, days=15, count=5)) == pytest.approx(0.3 + 0.15 + 0.05)


def test_the_relevant_stands_before_the_new_and_the_popular() -> None:
    old, new = candidate("old", 0.9, days=300), candidate("new", 0.6, count=99)
    assert order(new, old) == ["old", "new"]
    assert order(new, old, rule=RankRule.BLEND) == ["new", "old"]


def test_age_breaks_ties_then_access() -> None:
    older, newer = candidate("older", 0.504, days=9, count=9), candidate("newer", 0.5, days=1)
    assert order(older, newer) == ["newer", "older"]
    popular = candidate("popular", 0.502, days=1, count=3)
    assert order(newer, popular, older) == ["popular", "newer", "older"]


def test_a_whole_step_of_similarity_is_no_tie() -> None:
    assert order(candidate("new", 0.50), candidate("old", 0.51, days=9)) == ["old", "new"]


@given(CANDIDATES, st.sampled_from(RankRule))
def test_ordering_loses_and_adds_nothing(candidates: list[Candidate], rule: RankRule) -> None:
    best_first = ordered(candidates, rule=rule, now=NOW, window_days=30, reference=10)
    assert sorted(c.turn_id for c in best_first) == sorted(c.turn_id for c in candidates)
    again = ordered(best_first, rule=rule, now=NOW, window_days=30, reference=10)
    assert again == best_first


@given(CANDIDATES)
def test_by_relevance_no_memory_stands_before_one_that_is_clearly_closer(candidates: list[Candidate]) -> None:
    best_first = ordered(candidates, rule=RankRule.RELEVANCE, now=NOW, window_days=30, reference=10)
    for index, earlier in enumerate(best_first):
        assert all(later.score - earlier.score <= 0.01 + 1e-9 for later in best_first[index:])
