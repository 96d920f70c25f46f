"""Decide which candidates are relevant; often none is."""

from collections.abc import Sequence

from langgraph.runtime import Runtime

from graph.context import TurnContext
from graph.state import Conversation, GapFilterUpdate, State
from memory.gap import GapRule, judge, without_small_talk
from memory.models import Candidate, Decision
from memory.ranking import ordered


def gap_filter(state: State, runtime: Runtime[TurnContext]) -> GapFilterUpdate:
    """Give every candidate a decision: the kept ones first, in the order in which they will stand."""
    context, recall = runtime.context, state["recall"]
    in_window = shown_turns(state["conversation"])
    candidates = _at_most(recall.candidates, context.prefetch_results, in_window)
    verdicts = judge(
        [candidate.score for candidate in candidates],
        recall.noise,
        rule=context.gap_rule,
        threshold=context.gap_threshold,
        significance=context.gap_significance,
    )
    if recall.small_talk and context.gap_rule is GapRule.NULL:
        verdicts = without_small_talk(verdicts, [candidate.small_talk for candidate in candidates])
    decisions = {
        candidate.turn_id: Decision(
            turn_id=candidate.turn_id,
            kept=verdict.kept,
            rule=verdict.rule,
            score=verdict.score,
            threshold=verdict.threshold,
            probability=verdict.probability,
        )
        for candidate, verdict in zip(candidates, verdicts, strict=True)
    }
    in_order = ordered(
        candidates,
        rule=context.rank_rule,
        now=state["turn"].at,
        window_days=context.rank_recency_window,
        reference=context.rank_access_reference,
    )
    ranked = [decisions[candidate.turn_id] for candidate in in_order]
    return {"decisions": tuple(sorted(ranked, key=lambda decision: not decision.kept))}


def shown_turns(conversation: Conversation) -> set[str]:
    """Return the ids of the turns that may be shown as conversation."""
    turns = [*conversation.turns, *([conversation.opening] if conversation.opening else [])]
    return {turn.turn_id for turn in turns}


def _at_most(candidates: Sequence[Candidate], limit: int, in_window: set[str]) -> list[Candidate]:
    """Keep `limit` candidates beside those that stand in the conversation, which cost no place."""
    kept, room = [], limit
    for candidate in sorted(candidates, key=lambda c: c.score, reverse=True):
        if candidate.turn_id in in_window:
            kept.append(candidate)
        elif room:
            kept.append(candidate)
            room -= 1
    return kept
