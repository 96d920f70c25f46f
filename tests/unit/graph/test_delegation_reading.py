"""What planner and critic answer is read however they write it, and never fails."""

import json

from hypothesis import given, settings, strategies as st

from graph.delegation.pipeline import divide_budget
from graph.delegation.role_answers import read_plan, read_review
from graph.delegation.roles import MOST_STEPS
from graph.delegation.state import CODER, RESEARCHER, Budget, Share, Spent, Step
from tests.tables import each

STEP = {"role": "coder", "title": "Script", "task": "Write it."}


@each(
    "text",
    [
        json.dumps({"steps": [STEP]}),
        json.dumps([STEP]),
        json.dumps({"plan": [STEP]}),
        json.dumps(STEP),
        f"Sure [of course] {{here}} it is:\n```json\n{json.dumps({'steps': [STEP]}, indent=2)}\n```\nDone.",
        json.dumps({"steps": [STEP | {"role": "CODING expert"}]}),
    ],
)
def test_a_plan_is_read(text: str) -> None:
    assert read_plan(text, "t") == [Step(id="1", role=CODER, title="Script", task="Write it.")]


def test_steps_may_be_bare_words_and_are_bounded() -> None:
    steps = read_plan(json.dumps([f"look up {n} " + "x" * 9000 for n in range(9)]), "t")
    assert [step.id for step in steps] == [str(n) for n in range(1, MOST_STEPS + 1)]
    assert {step.role for step in steps} == {RESEARCHER}
    assert all(len(step.title) <= 80 and len(step.task) < 4200 for step in steps)


@each("text", ["", "no", "{" * 5000, "[" * 50_000, '{"steps": {"a": 1}}', "null", "[[]]"])
def test_what_is_no_plan_is_the_task_as_one_step(text: str) -> None:
    assert read_plan(text, "Find  it\nnow") == [
        Step(id="1", role=RESEARCHER, title="Find it now", task="Find  it\nnow")
    ]


def test_a_review_names_known_steps_only() -> None:
    review = read_review('{"critique": "thin", "again": [{"step": 2, "what": "more"}, 1, {"step": 7}]}', "12")
    assert review.critique == "thin"
    assert dict(review.again) == {"2": "more", "1": "It will not do."}
    assert read_review("All wrong!", "12").critique == "All wrong!"
    assert not read_review("All wrong!", "12").again
    assert not read_review('{"critique": 3, "again": {"1": 2}}', "12").again


@settings(deadline=None, max_examples=40)
@given(
    st.one_of(
        st.text(max_size=200),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=10),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(["steps", "role", "title", "task", "again", "step", "critique"]), inner
                )
            ),
            max_leaves=12,
        ).map(json.dumps),
    )
)
def test_nothing_makes_reading_fail(text: str) -> None:
    steps = read_plan(text, "the task")
    assert 1 <= len(steps) <= MOST_STEPS
    assert all(step.task.strip() and step.title for step in steps)
    assert set(read_review(text, ["1", "2"]).again) <= {"1", "2"}


@settings(deadline=None)
@given(st.integers(4, 50), st.integers(0, 50), st.integers(0, 50), st.integers(1, 5), st.integers(1, 2))
def test_shares_never_exceed_the_budget(
    calls: int, tools: int, spent: int, count: int, reserved: int
) -> None:
    steps = [Step(id=str(n), role=RESEARCHER, title="t", task="t") for n in range(count)]
    budget = Budget(calls=calls, tools=tools, seconds=1)
    given_out = divide_budget(steps, budget, Spent(calls=spent, tools=spent), reserved=reserved)
    assert sum(share.calls for _, share in given_out) <= max(0, calls - spent - reserved)
    assert sum(share.tools for _, share in given_out) <= max(0, tools - spent)
    assert all(share.calls >= 1 for _, share in given_out)


def test_what_is_left_is_shared_and_the_last_steps_go_without() -> None:
    steps = [Step(id=str(n), role=RESEARCHER, title="t", task="t") for n in range(3)]
    budget = Budget(calls=5, tools=9, seconds=1)
    given_out = divide_budget(steps, budget, Spent(calls=1), reserved=2)
    assert given_out == [(step, Share(calls=1, tools=4)) for step in steps[:2]]
