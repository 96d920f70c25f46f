"""What the model is shown of conversation and memory: the allocation has ids, the state the texts, once."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace

from graph.state.turn_state import Allocation, Conversation, Recall, State
from memory.models import Candidate, ConversationTurn, Decision, DecisionRule
from memory.observation.observation import Judged
from memory.recall.questions import is_bare_question
from memory.text.text import excerpt, shortened


def recalled_of(state: State) -> list[Candidate]:
    """Return the memories that are shown, best first; none before the budget is shared."""
    if "allocation" not in state or "recall" not in state:
        return []
    allocation = state["allocation"]
    by_id = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    return [extract_of(by_id[name], allocation.extract) for name in allocation.recalled if name in by_id]


def extract_of(candidate: Candidate, chars: int) -> Candidate:
    """Hold message and reply to so many characters; 0 leaves them as they are.

    Of what is a part already the middle is kept, which matched; of a whole its two ends.
    """
    texts = (candidate.message, candidate.reply, *(part.text for part in candidate.parts))
    if not chars or max(map(len, texts)) <= chars:
        return candidate
    message, reply, *others = (
        shortened(text, chars) if candidate.whole else excerpt(text, (len(text) // 2,) * 2, chars)
        for text in texts
    )
    parts = tuple(replace(part, text=text) for part, text in zip(candidate.parts, others, strict=True))
    return replace(candidate, message=message, reply=reply, parts=parts, whole=False)


def answers_of(state: State) -> list[Candidate]:
    """Return what answers the turn by itself, best first: relevant memories, the conversation's among them.

    A question that was asked before is no answer.
    """
    echoes = {
        decision.turn_id for decision in state["allocation"].over_budget if decision.rule == DecisionRule.ECHO
    }
    shown = echoes.union(state["allocation"].recalled)
    by_id = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    relevant = [by_id[one.turn_id] for one in state["decisions"] if one.turn_id in shown & by_id.keys()]
    return [memory for memory in relevant if not is_bare_question(memory)]


def last_decisions(decisions: Sequence[Decision], allocation: Allocation) -> list[Decision]:
    """Return the last decision on each candidate: the budget may have cut what the gap filter kept."""
    later = {decision.turn_id: decision for decision in allocation.over_budget}
    return [later.get(decision.turn_id, decision) for decision in decisions]


def judged(decisions: Iterable[Decision], recall: Recall) -> list[Judged]:
    """Add to each decision the evidence of its candidate; one whose candidate is gone is left out."""
    names, by_id = [field.name for field in fields(Decision)], {c.turn_id: c for c in recall.candidates}
    return [
        Judged(
            **{name: getattr(decision, name) for name in names},
            mechanism=candidate.mechanism,
            rank=candidate.rank,
            evidence=candidate.evidence,
            small_talk=candidate.small_talk,
        )
        for decision in decisions
        if (candidate := by_id.get(decision.turn_id))
    ]


def conversation_of(state: State) -> list[ConversationTurn]:
    """Return the turns of the thread as they are shown, oldest first; none before the budget is shared."""
    if "allocation" not in state:
        return []
    allocation, past = state["allocation"], state.get("conversation", Conversation())
    opening = () if past.opening is None else (past.opening,)
    by_id = {turn.turn_id: turn for turn in (*opening, *past.turns, *allocation.shortened)}
    return [by_id[turn_id] for turn_id in allocation.conversation if turn_id in by_id]
