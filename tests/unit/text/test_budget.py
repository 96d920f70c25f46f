"""AITS and the split of its budget: the numbers themselves, and what holds for any of them."""

import pytest
from hypothesis import given, strategies as st

from graph.settings.context import Thresholds
from memory.prompt.token_budget import (
    complexity,
    confidence,
    conversation_limit,
    count_cues,
    cues,
    intent_budget,
    recall_limit,
)
from memory.text.text import fold
from tests.linear import not_linear
from tests.tables import each

KNOBS = Thresholds()
SHARES = st.floats(0, 1)
TOKENS = st.integers(0, 30_000)


def budget(confident: float, complex_: float) -> int:
    return intent_budget(
        confident,
        complex_,
        base=KNOBS.budget_base,
        multiplier=KNOBS.budget_confidence_multiplier,
        bonus=KNOBS.budget_complexity_bonus,
        hard_cap=KNOBS.budget_hard_cap,
    )


def l2(available: int, recalled: int) -> int:
    return conversation_limit(
        available, recalled, l3_minimum=KNOBS.l3_minimum, l2_floor=KNOBS.l2_floor, l2_cap=KNOBS.l2_cap
    )


def l3(available: int, conversation: int) -> int:
    return recall_limit(available, conversation, l3_minimum=KNOBS.l3_minimum, l2_floor=KNOBS.l2_floor)


@each("message", ["", " ", "\n\t ", "\u00a0\u2003"])
def test_nothing_calls_for_little(message: str) -> None:
    assert confidence(message) == 0.2


@each("message", ["yes", "da", "👍", "...", "whatever", "howl", "somewhere", "0"])
def test_a_message_without_a_cue_calls_for_half(message: str) -> None:
    assert confidence(message) == 0.5


@each(
    ("message", "expected"),
    [
        ("what", 0.8),
        ("WHAT?", 0.8),
        ("What's up", 0.8),
        ("what what what", 0.8),
        ("what_ever", 0.8),
        ("how and why", 0.9),
        ("how, why, when", 1.0),
        ("how, why, when, where, explain in detail", 1.0),
        ("Când?", 0.8),
        ("cand si unde", 0.9),
        ("Explică-mi cum", 0.9),
        ("explica mi cum, când", 1.0),
        ("EXPLICĂ", 0.8),
        ("ａｎａｌｙｚｅ it", 0.8),
        ("𝐖𝐇𝐘", 0.8),
    ],
)
def test_cues_add_up(message: str, expected: float) -> None:
    assert confidence(message) == pytest.approx(expected, abs=1e-12)


@each("connector", ["and", "or", "plus", "și", "si", "ŞI", "şi", "Și", "sau", ",", ";"])
def test_each_connector_counts(connector: str) -> None:
    message = f"a {connector} b"
    assert complexity(message) == pytest.approx(len(message) / 200 * 0.7 + 0.3, abs=1e-12)


@each("message", ["android", "order", "surplus", "sauce", "a:b", "a.b", "sip"])
def test_part_of_a_word_is_no_connector(message: str) -> None:
    assert complexity(message) == pytest.approx(len(message) / 200 * 0.7, abs=1e-12)


@each(
    ("message", "expected"),
    [
        ("", 0.0),
        ("x" * 100, 0.35),
        ("x" * 199, 199 / 200 * 0.7),
        ("x" * 200, 0.7),
        ("x" * 201, 0.7),
        ("x" * 1_000, 0.7),
        (",", 0.7 / 200 + 0.3),
        ("x" * 100 + " and ", 105 / 200 * 0.7 + 0.3),
        ("x" * 199 + ",", 1.0),
        ("x" * 5_000 + ", and;", 1.0),
    ],
)
def test_complexity_by_hand(message: str, expected: float) -> None:
    assert complexity(message) == pytest.approx(expected, abs=1e-12)


@each(
    ("message", "tokens"),
    [
        ("", 2000 + 800),
        ("ok", 2000 + 2000 + 14),
        ("x" * 200, 2000 + 2000 + 1400),
        ("what", 2000 + 3200 + 28),
        ("x" * 199 + ",", 2000 + 2000 + 2000),
        ("how, why, when" + "!" * 186, 2000 + 4000 + 2000),
    ],
)
def test_the_budget_by_hand(message: str, tokens: int) -> None:
    assert budget(confidence(message), complexity(message)) == tokens


def test_the_hard_cap_holds() -> None:
    assert intent_budget(1, 1, base=10_000, multiplier=4000, bonus=2000, hard_cap=12_000) == 12_000
    assert intent_budget(0, 0, base=11_999, multiplier=1, bonus=1, hard_cap=12_000) == 11_999


def test_long_runs_of_marks_take_time_in_proportion() -> None:
    assert confidence("why " + "\u0316\u0300" * 1_000) == 0.8
    assert not_linear(confidence, ["\u0316\u0300"], head="why ") == []


def test_cue_lists_are_folded() -> None:
    for word in cues().deep | cues().connectors:
        assert word == fold(word)
        assert count_cues(word, frozenset({word})) == 1


@each(
    ("available", "recalled", "conversation"),
    [
        (6000, 5000, 4800),  # the minimum is set aside first
        (6000, 1200, 4800),
        (6000, 300, 5700),  # what L3 does not use goes back
        (6000, 0, 6000),
        (1700, 5000, 500),  # floor and minimum just fit
        (1699, 5000, 500),  # the floor wins
        (600, 5000, 500),
        (0, 5000, 500),
        (0, 0, 500),
        (9199, 5000, 7999),
        (9201, 5000, 8000),  # the cap
        (50_000, 0, 8000),
    ],
)
def test_the_conversation_gets_what_l3_leaves(available: int, recalled: int, conversation: int) -> None:
    assert l2(available, recalled) == conversation


@each(
    ("available", "conversation", "recalled"),
    [
        (6000, 4800, 1200),
        (6000, 1000, 5000),  # what L2 does not use goes to L3
        (6000, 0, 6000),
        (6000, 5900, 1200),  # the minimum is guaranteed
        (1700, 500, 1200),
        (1700, 1700, 1200),
        (1699, 500, 1199),  # below floor and minimum together there is no guarantee
        (1699, 1699, 0),
        (600, 500, 100),
        (400, 500, 0),
        (0, 0, 0),
    ],
)
def test_recall_gets_its_minimum_and_the_rest(available: int, conversation: int, recalled: int) -> None:
    assert l3(available, conversation) == recalled


def test_a_cap_below_the_floor_wins() -> None:
    assert conversation_limit(5000, 0, l3_minimum=1200, l2_floor=500, l2_cap=300) == 300


@given(TOKENS, TOKENS, SHARES)
def test_the_split_never_exceeds_what_is_available(available: int, wanted: int, taken: float) -> None:
    limit = l2(available, wanted)
    used_l2 = int(limit * taken)
    used_l3 = min(wanted, l3(available, used_l2))
    assert used_l2 + used_l3 <= max(available, KNOBS.l2_floor)


@given(TOKENS, TOKENS)
def test_l3_is_served_first(available: int, wanted: int) -> None:
    served = min(wanted, l3(available, l2(available, wanted)))
    if available >= KNOBS.l3_minimum + KNOBS.l2_floor:
        assert served >= min(wanted, KNOBS.l3_minimum)
    assert KNOBS.l2_floor <= l2(available, wanted) <= KNOBS.l2_cap
