"""The order of relevant memories."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import example, given, strategies as st

from memory.models import Candidate, Evidence
from memory.recall.ranking import RankRule, blend_score, by_blend, by_relevance
from memory.recall.statements import same_subject, words_of
from tests.bare import BARE

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIE = 0.01
WORDS = [
    "apple", "bridge", "candle", "dragon", "engine", "forest", "garden", "hammer", "island", "jacket",
    "kettle", "ladder",
]  # fmt: skip
CANDIDATES = st.lists(
    st.builds(
        lambda turn_id, score, days, count: candidate(str(turn_id), score, days=days, count=count),
        st.integers(0, 10_000),
        st.floats(-1, 1),
        st.floats(0, 400),
        st.integers(0, 50),
    ),
    max_size=20,
    unique_by=lambda c: c.turn_id,
)


def candidate(
    turn_id: str, score: float, *, days: float = 0, count: int = 0, text: str | None = None
) -> Candidate:
    """Make one about a matter of its own, unless `text` says otherwise."""
    return replace(
        BARE,
        turn_id=turn_id,
        score=score,
        evidence=Evidence(lexical=0, coverage=0, cosine=score),
        at=NOW - timedelta(days=days),
        access_count=count,
        message=f"matter{turn_id}" if text is None else text,
        reply="",
    )


def in_order(candidates: Sequence[Candidate], rule: RankRule = RankRule.RELEVANCE) -> list[Candidate]:
    if rule is RankRule.BLEND:
        return by_blend(candidates, now=NOW, window_days=30, reference=10)
    return by_relevance(candidates, tie=TIE)


def order(*candidates: Candidate, rule: RankRule = RankRule.RELEVANCE) -> list[str]:
    return [c.turn_id for c in in_order(candidates, rule)]


def test_blend_weighs_similarity_recency_and_access() -> None:
    def of(c: Candidate) -> float:
        return blend_score(c, NOW, window_days=30, reference=10)

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


CORRECTED = "The wifi password of the cabin is swordfish."
CORRECTION = "The wifi password of the cabin is marlin now."


def test_of_two_about_one_matter_the_newer_stands_first() -> None:
    older = candidate("older", 0.9, days=9, text=CORRECTED)
    newer = candidate("newer", 0.7, days=1, text=CORRECTION)
    between = candidate("between", 0.8, days=300)
    assert order(older, between, newer) == ["newer", "older", "between"]
    assert order(newer, between, older) == ["newer", "older", "between"]


def test_those_said_at_once_are_no_correction() -> None:
    first = candidate("first", 0.9, text=CORRECTED)
    second = candidate("second", 0.7, text=CORRECTION)
    assert order(second, first) == ["first", "second"]


def test_three_about_one_matter_stand_newest_first() -> None:
    found = [
        candidate("oldest", 0.9, days=9, text=CORRECTED),
        candidate("middle", 0.8, days=5, text=CORRECTION),
        candidate("newest", 0.7, days=1, text=CORRECTION.replace("marlin", "herring")),
    ]
    for arrangement in permutations(found):
        assert order(*arrangement) == ["newest", "middle", "oldest"]


@given(
    st.lists(
        st.builds(
            lambda turn_id, score, days, said: candidate(
                str(turn_id), score, days=days, text=" ".join(sorted(said))
            ),
            st.integers(0, 10_000),
            st.floats(0, 9),
            st.integers(0, 5),
            st.sets(st.sampled_from(WORDS), min_size=1, max_size=4),
        ),
        max_size=12,
        unique_by=lambda c: c.turn_id,
    )
)
@example(
    [
        candidate("newest", 0.0, days=0, text="bridge"),
        candidate("oldest", 1.0, days=2, text="apple"),
        candidate("middle", 0.0, days=1, text="apple bridge"),
    ]
)
def test_whatever_shares_words_nothing_is_lost_and_a_correction_is_never_behind(
    candidates: list[Candidate],
) -> None:
    best_first = in_order(candidates)
    assert sorted(c.turn_id for c in best_first) == sorted(c.turn_id for c in candidates)
    for place, first in enumerate(best_first):
        for later in best_first[place + 1 :]:
            corrects = later.at > first.at and same_subject(words_of(later.message), words_of(first.message))
            assert not corrects


@given(CANDIDATES)
def test_by_relevance_no_memory_stands_before_one_that_is_clearly_closer(candidates: list[Candidate]) -> None:
    best_first = in_order(candidates)
    for index, earlier in enumerate(best_first):
        assert all(later.score - earlier.score <= TIE + 1e-9 for later in best_first[index:])
