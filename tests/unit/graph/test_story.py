"""What the nodes tell of themselves: short lines, whatever was said."""

from dataclasses import replace
from typing import Any

from hypothesis import given, strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from graph.exchange import Call, Exchange, Grounding, Round, ToolResult
from graph.explain.node_story import DESCRIBERS, describe_node
from graph.state.reducers import LONGEST_LINE, MOST_LINES, Story, merge_stories
from graph.state.turn_state import Allocation, Archived, CalibrationUsed, Recall, Reply, State
from memory.models import (
    Candidate,
    Decision,
    DecisionRule,
    Evidence,
    Mechanism,
    Outcome,
    SearchReport,
    SearchStatus,
)
from tests.tables import each
from tests.unit.graph.test_nodes import TURN, candidate, past, state as begun


def decision(
    turn_id: str, *, kept: bool, rule: DecisionRule = DecisionRule.CALIBRATED, score: float = 0.9
) -> Decision:
    return Decision(turn_id=turn_id, kept=kept, rule=rule, score=score, threshold=0.5, probability=score)


def answered(*candidates: Candidate, **more: Any) -> State:
    """Return the state of a turn that has come to its end."""
    given = begun(*candidates, turns=(past("p"),))
    given["decisions"] = [decision(c.turn_id, kept=True) for c in candidates]
    given["allocation"] = Allocation(
        confidence=0.4,
        complexity=0.1,
        total=6000,
        fixed=100,
        l2_limit=4000,
        l2_used=300,
        l3_limit=1200,
        l3_used=50,
        conversation=("p",),
        recalled=[c.turn_id for c in candidates],
        over_budget=[
            replace(decision(c.turn_id, kept=False, rule=DecisionRule.BUDGET), tokens=90) for c in candidates
        ],
    )
    given["prompt"] = [HumanMessage("what did I plant?")]
    given["messages"] = [HumanMessage("m", id="now"), AIMessage("You planted basil.", id="reply-now")]
    given["reply"] = Reply(text="You planted basil.", outcome=Outcome.ANSWERED, model="test", seconds=1.25)
    given["archived"] = Archived(turn_id="now", conversation=True, episode=True)
    given.update(more)  # type: ignore[typeddict-item]
    return given


def lines(node: str, given: State) -> str:
    return "\n".join(describe_node(node, given, dict(given)))


class TestPrefetch:
    def test_each_mechanism_tells_what_it_found(self) -> None:
        recall = Recall(
            sought={"temporal": "“last week” from 2026-03-01 to 2026-03-01", "key": "ABC-123"},
            reports={
                "thematic": SearchReport(status=SearchStatus.CACHED, found=14, milliseconds=38.4),
                "temporal": SearchReport(status=SearchStatus.OK, found=3),
                "key": SearchReport(status=SearchStatus.OK, found=1),
            },
        )
        assert describe_node("prefetch", begun(), {"recall": recall}) == [
            "By meaning and words: 14 found in 38 ms, from the session cache.",
            "By time, “last week” from 2026-03-01 to 2026-03-01: 3 found.",
            "By key, ABC-123: 1 found.",
        ]

    def test_what_was_not_called_for_says_why(self) -> None:
        recall = Recall(reports={"thematic": SearchReport(status=SearchStatus.OK, found=2, milliseconds=9)})
        assert describe_node("prefetch", begun(), {"recall": recall})[1:] == [
            "By time: not searched, the message names no past time.",
            "By key: not searched, the message has no identifier.",
        ]

    @each(
        ("status", "said"),
        [(SearchStatus.LATE, "it was late"), (SearchStatus.DOWN, "the archive is down")],
    )
    def test_a_search_without_a_result_names_what_is_missing(self, status: SearchStatus, said: str) -> None:
        recall = Recall(reports={"thematic": SearchReport(status=status, problem="no answer within 0.5 s")})
        (told,) = describe_node("prefetch", begun(), {"recall": recall})
        assert said in told
        assert "0.5 s" in told


class TestGapFilter:
    def test_the_kept_and_the_best_of_the_cut_stand_with_their_numbers(self) -> None:
        usual = replace(candidate("a", text="I planted basil."), mechanism=Mechanism.KEY)
        near = Evidence(lexical=1.0, coverage=0.25, cosine=0.56, standing=2.125)
        given = begun(replace(usual, evidence=near), candidate("b", text="Thanks!"))
        cut = decision("b", kept=False, score=0.12)
        update = {"decisions": [decision("a", kept=True), cut], "calibration": CalibrationUsed()}
        assert describe_node("gap_filter", given, update) == [
            "1 of 2 kept.",
            "Kept, probability 0.90 ≥ 0.50: 2026-03-01 “I planted basil.”; by identifiers, "
            "exactly, similarity 0.56, "
            "+2.1 deviations from what is usual here, 25% of the words",
            "Cut, probability 0.12 < 0.50: 2026-03-01 “Thanks!”; by meaning and words, similarity 0.50, "
            "0% of the words",
        ]

    def test_many_are_counted_by_rule(self) -> None:
        many = [candidate(str(number)) for number in range(30)]
        rules = [DecisionRule.CALIBRATED if n % 2 else DecisionRule.SMALL_TALK for n in range(30)]
        update = {
            "decisions": [decision(c.turn_id, kept=False, rule=r) for c, r in zip(many, rules, strict=True)]
        }
        told = describe_node("gap_filter", begun(*many), update)
        assert told[0] == "0 of 30 kept."
        assert told[-1] == "20 more: 20 cut."
        assert len(told) == MOST_LINES

    def test_more_kept_and_more_cut_than_are_told_are_counted(self) -> None:
        many = [candidate(str(number)) for number in range(23)]
        decisions = [decision(c.turn_id, kept=place < 9) for place, c in enumerate(many)]
        assert (
            describe_node("gap_filter", begun(*many), {"decisions": decisions})[-1]
            == "13 more: 3 kept, 10 cut."
        )

    def test_what_was_found_and_never_weighed_is_counted(self) -> None:
        found = [candidate(str(number)) for number in range(5)]
        update = {"decisions": [decision(c.turn_id, kept=True) for c in found[:3]]}
        told = describe_node("gap_filter", begun(*found), update)
        assert told[0] == "3 of 3 kept; 2 more were found than “Prefetch: results” lets through."


def test_the_layers_tokens_and_what_had_no_room_are_told() -> None:
    given = answered(candidate("a", text="I planted basil."))
    told = lines("budget", given)
    assert "450 of 6,000 tokens used" in told
    assert "300 of at most 4,000 tokens" in told
    assert "50 of at most 1,200 tokens" in told
    assert "no room for its 90 tokens: 2026-03-01 “I planted basil.”" in told


def test_the_answer_its_tools_and_its_figures_are_told() -> None:
    call = Call(id="1", key="now-0-0", name="search_memory", arguments={})
    exchange = Exchange(turn_id="now", rounds=[Round(text="", calls=[call])])
    asked = answered(exchange=exchange, messages=[HumanMessage("m", id="now")])
    assert lines("respond", asked) == "Round 1: the model asks for search_memory."
    result = ToolResult(
        turn_id="now", key="k", name="search_memory", output="basil", ok=True, evidence="", milliseconds=3
    )
    assert describe_node("tools", {}, {"results": [result]}) == [
        "search_memory: 5 characters in 3 ms: “basil”"
    ]
    done = answered(exchange=exchange)
    assert lines("respond", done) == "Answered, by test in 1.2 s, 18 characters: “You planted basil.”"
    unsupported = Grounding(turn_id="now", unsupported=("4711",), corrected=True)
    assert "(4711); it was rewritten" in lines("ground", answered(grounding=unsupported))


def test_the_archive_tells_what_was_written_and_what_an_experiment_was() -> None:
    assert lines("archive", answered()) == "Written to the archive (L3) and the conversation (L2)."
    tried = Archived(turn_id="now", conversation=False, episode=False, experiment=True)
    assert "nothing was written" in lines("archive", answered(archived=tried))


def test_a_node_that_left_nothing_tells_nothing() -> None:
    for node in [*DESCRIBERS, "other"]:
        assert describe_node(node, begun(), {}) == []


@given(text=st.text(max_size=400), rule=st.sampled_from(DecisionRule), turns=st.integers(0, 40))
def test_lines_are_few_and_short_whatever_was_said(text: str, rule: DecisionRule, turns: int) -> None:
    many = [replace(candidate(str(number)), message=text) for number in range(turns)]
    given = answered(*many)
    given["turn"] = replace(TURN, message=text, owner=text)
    given["reply"] = Reply(text=text, outcome=Outcome.FAILED, problem=text, model=text)
    given["decisions"] = [decision(c.turn_id, kept=False, rule=rule) for c in many]
    for node in DESCRIBERS:
        told = describe_node(node, given, dict(given))
        assert len(told) <= MOST_LINES
        assert all(len(line) <= LONGEST_LINE and "\n" not in line for line in told)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 20)), max_size=30))
def test_the_story_is_of_the_latest_turn_and_bounded(updates: list[tuple[str, str, int]]) -> None:
    story: Story = {}
    for turn_id, node, count in updates:
        story = merge_stories(story, {turn_id: {node: ["line"] * count}})
    assert list(story) == [turn_id for turn_id, _, _ in updates[-1:]]
    assert all(len(told) <= MOST_LINES for one in story.values() for told in one.values())
