"""Which rule decided is said in the same words by every front end and by the story of a turn."""

from typing import cast

from graph.explain.explanation import RULES, explain_decision, measure, rule_of
from graph.explain.node_story import reason
from memory.models import Decision, DecisionRule
from tests.tables import each


def decision(rule: str, *, kept: bool) -> Decision:
    named = cast("DecisionRule", rule)
    return Decision(
        turn_id="t", kept=kept, rule=named, score=0.25, threshold=0.5, probability=0.25, tokens=90
    )


@each("rule", RULES)
def test_every_rule_is_told_in_its_words(rule: str) -> None:
    decided = decision(rule.removesuffix("_cut"), kept=rule == "time")
    assert rule_of(decided) == rule
    assert explain_decision(decided).startswith(RULES[rule])
    assert reason(decided).startswith(RULES[rule])


def test_every_rule_has_words() -> None:
    assert {*RULES} == {*DecisionRule, "time_cut"}


@each(
    ("rule", "kept", "cut"),
    [("calibrated", "≥", "<"), ("null", ">", "≤"), ("ratio", "≥", "<"), ("few", "≤", ">"), ("echo", "", "")],
)
def test_the_sign_says_whether_a_score_is_enough(rule: str, kept: str, cut: str) -> None:
    for sign, is_kept in ((kept, True), (cut, False)):
        assert measure(decision(rule, kept=is_kept)) == (f"0.25 {sign} 0.50" if sign else "")


def test_a_rule_without_words_is_told_by_its_name() -> None:
    assert (
        explain_decision(decision("brand_new", kept=True))
        == reason(decision("brand_new", kept=True))
        == "brand_new"
    )


def test_the_story_says_how_much_room_was_missing() -> None:
    assert reason(decision("budget", kept=False)) == "no room for its 90 tokens"
