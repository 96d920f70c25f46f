"""What the model is shown of conversation and memory: the allocation has ids, the state the texts, once."""

from graph.state import Conversation, State
from memory.models import Candidate, ConversationTurn
from memory.questions import is_unanswered

ECHO = "echo"
"""The rule by which a relevant memory is left out: it stands in the conversation."""


def recalled_of(state: State) -> list[Candidate]:
    """Return the memories that are shown, best first; none before the budget is shared."""
    if "allocation" not in state or "recall" not in state:
        return []
    by_id = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    return [by_id[turn_id] for turn_id in state["allocation"].recalled if turn_id in by_id]


def answers_of(state: State) -> list[Candidate]:
    """Return what answers the turn by itself, best first: relevant memories, the conversation's among them.

    A question that was asked before is no answer.
    """
    echoes = {decision.turn_id for decision in state["allocation"].over_budget if decision.rule == ECHO}
    shown = echoes.union(state["allocation"].recalled)
    by_id = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    relevant = [by_id[one.turn_id] for one in state["decisions"] if one.turn_id in shown & by_id.keys()]
    return [memory for memory in relevant if not is_unanswered(memory)]


def conversation_of(state: State) -> list[ConversationTurn]:
    """Return the turns of the thread as they are shown, oldest first; none before the budget is shared."""
    if "allocation" not in state:
        return []
    allocation, past = state["allocation"], state.get("conversation", Conversation())
    opening = () if past.opening is None else (past.opening,)
    by_id = {turn.turn_id: turn for turn in (*opening, *past.turns, *allocation.shortened)}
    return [by_id[turn_id] for turn_id in allocation.conversation if turn_id in by_id]
