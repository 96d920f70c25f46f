"""Resolution of an allocation's turn ids to the texts in the state."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace

from graph.state.turn_state import Allocation, Conversation, Recall, State
from memory.models import Candidate, ConversationTurn, Decision, DecisionRule
from memory.observation.observation import Judged
from memory.recall.statements import is_bare_question
from memory.text.text import excerpt, shortened


def recalled_of(state: State) -> list[Candidate]:
    """Return the recalled memories in the prompt, best first; none before `budget` has run."""
    if "allocation" not in state or "recall" not in state:
        return []
    allocation = state["allocation"]
    by_id = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    return [extract_of(by_id[name], allocation.extract) for name in allocation.recalled if name in by_id]


def extract_of(candidate: Candidate, chars: int) -> Candidate:
    """Cut each text of a candidate to `chars` characters; 0 leaves it unchanged.

    A text that is already an excerpt keeps its middle, which matched; a full text keeps both ends.
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
    """Return the memories that can answer the turn without a model, best first.

    Includes those that are in the conversation; excludes questions asked before.
    """
    echoes = {
        decision.turn_id for decision in state["allocation"].over_budget if decision.rule == DecisionRule.ECHO
    }
    shown = echoes.union(state["allocation"].recalled)
    by_id = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    relevant = [by_id[one.turn_id] for one in state["decisions"] if one.turn_id in shown & by_id.keys()]
    return [memory for memory in relevant if not is_bare_question(memory)]


def last_decisions(decisions: Sequence[Decision], allocation: Allocation) -> list[Decision]:
    """Return the final decision on each candidate: `budget` may overrule `gap_filter`."""
    later = {decision.turn_id: decision for decision in allocation.over_budget}
    return [later.get(decision.turn_id, decision) for decision in decisions]


def join_evidence(decisions: Iterable[Decision], recall: Recall) -> list[Judged]:
    """Join each decision with its candidate's evidence; decisions without a candidate are dropped."""
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
    """Return the conversation turns in the prompt, oldest first; none before `budget` has run."""
    if "allocation" not in state:
        return []
    allocation, past = state["allocation"], state.get("conversation", Conversation())
    opening = () if past.opening is None else (past.opening,)
    by_id = {turn.turn_id: turn for turn in (*opening, *past.turns, *allocation.shortened)}
    return [by_id[turn_id] for turn_id in allocation.conversation if turn_id in by_id]
