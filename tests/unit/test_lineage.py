"""Which turns go back to a past one, told from the checkpoints of a thread."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from graph.lineage import Branch, Step, branch_before, running_branch

AT = datetime(2026, 3, 1, tzinfo=UTC)


def steps(*given: tuple[str, str | None, str]) -> dict[str, Step]:
    """Make checkpoints of an id, a parent and a source; ids stand in the order of time."""
    return {
        name: Step(parent, source, AT + timedelta(seconds=place))
        for place, (name, parent, source) in enumerate(given)
    }


TURN = (("a", None, "input"), ("b", "a", "loop"), ("c", "b", "loop"), ("d", "c", "loop"))


def test_a_turn_that_goes_on_is_no_fork() -> None:
    assert running_branch(steps(*TURN), "d") == Branch(fork=False, began=AT)


def test_a_run_that_goes_on_from_the_latest_checkpoint_by_its_name_is_no_fork() -> None:
    known = steps(*TURN[:3], ("d", "c", "fork"))
    assert not running_branch(known, "d").fork
    assert not running_branch(known | steps(("e", "d", "loop")), "e").fork


def test_a_run_from_a_past_checkpoint_is_a_fork_in_every_step_that_follows() -> None:
    known = steps(*TURN, ("e", "b", "fork"))
    assert running_branch(known, "e") == Branch(fork=True, began=AT)
    assert running_branch(known | steps(("f", "e", "loop")), "f").fork
    assert not running_branch(known, "d").fork


def test_a_call_that_is_answered_anew_is_a_fork_though_no_checkpoint_says_so() -> None:
    assert running_branch(steps(*TURN), "b").fork
    assert running_branch(steps(*TURN, ("e", "b", "loop")), "e").fork


def test_a_state_that_was_changed_by_hand_makes_a_fork() -> None:
    assert running_branch(steps(*TURN[:3], ("d", "c", "update")), "d").fork


def test_a_new_message_is_no_fork_though_what_is_before_it_is_one() -> None:
    known = steps(*TURN, ("e", "b", "fork"), ("f", "e", "loop"), ("g", "f", "input"), ("h", "g", "loop"))
    assert not running_branch(known, "h").fork
    assert branch_before(known, "h").fork
    assert not branch_before(known, "d").fork


def test_a_new_message_at_a_past_checkpoint_is_a_fork() -> None:
    known = steps(*TURN, ("e", "d", "input"), ("f", "b", "input"))
    assert not running_branch(known, "e").fork
    assert running_branch(known, "f").fork


def test_what_is_not_kept_any_more_makes_no_fork_of_a_turn() -> None:
    long = steps(("x", "gone", "loop"), ("y", "x", "loop"))
    assert running_branch(long, "y") == Branch()
    assert running_branch({}, "y") == Branch()
    assert running_branch(steps(("x", "gone", "fork"), ("y", "x", "loop")), "y").fork


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(st.sampled_from("abcdefgh"), st.booleans())))
def test_whatever_is_stored_the_walk_ends(links: dict[str, tuple[str, bool]]) -> None:
    known = {name: Step(parent, "input" if ends else "loop", AT) for name, (parent, ends) in links.items()}
    for name in "abcdefgh":
        assert isinstance(running_branch(known, name).fork, bool)
