"""What the model is shown is read back from ids, and no text stands in the state twice."""

from dataclasses import replace
from datetime import UTC

from hypothesis import given, strategies as st

from graph.checkpoint.serde import StateSerializer
from graph.settings.context import TurnContext
from graph.state.recall import conversation_of, recalled_of
from graph.state.turn_state import Allocation, State
from memory.models import ConversationTurn
from memory.prompt.prompt import fit_conversation
from nodes.budget import BudgetInputs, allocate
from tests.unit.graph.test_nodes import COUNT, NOW, candidate, kept_decisions, past, state

WORDS = "the valve needs another look in spring "


def shared(given: State, l2_cap: int = 4000) -> State:
    """Share the budget of a turn in which every memory is relevant."""
    decisions = list(kept_decisions(*given["recall"].candidates).values())
    given = {**given, "decisions": decisions}
    return {**given, "allocation": allocate(given, TurnContext(l2_cap=l2_cap), BudgetInputs(100, COUNT, UTC))}


def size(allocation: Allocation) -> int:
    return len(StateSerializer().dumps_typed(allocation)[1])


@given(st.lists(st.integers(1, 60), max_size=8), st.booleans(), st.integers(0, 400))
def test_the_conversation_is_what_was_fitted(lengths: list[int], begins_earlier: bool, limit: int) -> None:
    turns = [turn(f"p{number}", length) for number, length in enumerate(lengths)]
    opening = turn("first", 1) if begins_earlier else None
    given = shared(state(turns=tuple(turns), opening=opening), l2_cap=limit)
    allocation = given["allocation"]

    def shorten(whole: ConversationTurn, _: int) -> ConversationTurn:
        """Return it as it is where there was nothing to cut: the least is eighty characters."""
        return next(iter(allocation.shortened), whole)

    fitted = fit_conversation(turns, opening, allocation.l2_limit, shorten)
    assert conversation_of(given) == fitted
    assert sum(one.tokens for one in fitted) == allocation.l2_used
    assert len(allocation.shortened) <= 1


def turn(turn_id: str, length: int) -> ConversationTurn:
    text = WORDS * length
    return ConversationTurn(turn_id=turn_id, message=text, reply=text, at=NOW, tokens=2 * COUNT(text))


def test_the_memories_are_those_that_had_room() -> None:
    found = [candidate(str(number), text=WORDS * 300) for number in range(9)]
    given = shared(state(*found))
    left_out = {decision.turn_id for decision in given["allocation"].over_budget}
    assert left_out
    assert recalled_of(given) == [memory for memory in found if memory.turn_id not in left_out]


def test_an_allocation_stays_small_however_much_was_said() -> None:
    few, many = (
        shared(state(candidate("c", text=WORDS * times), turns=(past("p", message=WORDS * times),)))
        for times in (1, 30)
    )
    assert recalled_of(many)
    assert conversation_of(many)
    assert size(many["allocation"]) - size(few["allocation"]) < 20


def test_nothing_is_shown_by_a_turn_that_did_not_get_so_far() -> None:
    begun = state(candidate("c"), turns=(past("p"),))
    assert not [*recalled_of(begun), *conversation_of(begun)]
    bare: State = {"messages": [], "allocation": shared(begun)["allocation"]}
    assert not [*recalled_of(bare), *conversation_of(bare)]


def test_of_a_state_that_was_changed_what_is_gone_is_left_out() -> None:
    given = shared(state(candidate("c"), candidate("d"), turns=(past("p"), past("q"))))
    given["recall"] = replace(given["recall"], candidates=given["recall"].candidates[1:])
    given["conversation"] = replace(given["conversation"], turns=(past("q"),))
    assert [memory.turn_id for memory in recalled_of(given)] == ["d"]
    assert [past.turn_id for past in conversation_of(given)] == ["q"]
