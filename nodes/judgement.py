"""Decisions by the gap filter's configured rule, before any override."""

from collections.abc import Sequence
from dataclasses import replace

from graph.settings.context import TurnContext
from graph.state.turn_state import Conversation, Recall, State
from memory.models import Candidate, Decision, DecisionRule
from memory.recall.evidence_traits import MessageContext
from memory.recall.gap_rules import GapRule, calibrated_rule, null_rule, ratio_rule
from memory.recall.questions import is_bare_question
from memory.recall.relevance import Calibration, read_calibration
from memory.recall.staged import Staged, read_staged

BY_PROBABILITY = (GapRule.STAGED, GapRule.CALIBRATED)
"""Rules that use a probability of relevance."""


def find_staged(
    recall: Recall, context: TurnContext, calibration: Calibration | None, staged: Staged | None
) -> Staged | None:
    """Return the staged fit; None for another rule, or when none suits this recall.

    A calibration in the context replaces the staged rule by `calibrated`.
    """
    if context.gap_rule is not GapRule.STAGED or calibration is not None or recall.query.calls is None:
        return None
    return staged or read_staged(recall.query.model)


def apply_staged(
    candidates: Sequence[Candidate], state: State, context: TurnContext, staged: Staged
) -> list[Decision]:
    """Decide whether the message calls for memory, and which memories answer it."""
    turn = state["turn"]
    asked = MessageContext(
        message=turn.said, at=turn.at, query=state["recall"].query, turns=state["conversation"].turns
    )
    window, found = shown_turns(state["conversation"]), dict[str, Decision]()
    for here in (False, True):  # turns in the conversation do not compete with memories
        some = [each for each in candidates if (each.turn_id in window) is here]
        for decision in staged.decisions(
            asked, some, threshold=context.gap_threshold, fall=context.gap_break
        ):
            named = replace(decision, rule=DecisionRule.ECHO) if here and not decision.kept else decision
            found[decision.turn_id] = named
    return [found[candidate.turn_id] for candidate in candidates]


def apply_rule(
    candidates: Sequence[Candidate],
    recall: Recall,
    context: TurnContext,
    calibration: Calibration | None = None,
) -> list[Decision]:
    """Apply the configured rule.

    With probabilities, unanswered questions are compared only with each other: a repeated question matches
    best, and its answer would look poor next to it.
    """
    if context.gap_rule in BY_PROBABILITY:
        calibration = calibration or read_calibration(recall.query.model)
        asking = {candidate.turn_id for candidate in candidates if is_bare_question(candidate)}
        answers = _rescale_shares([one for one in candidates if one.turn_id not in asking])
        asked = [one for one in candidates if one.turn_id in asking]
        found = [one for some in (answers, asked) for one in _calibrated(some, recall, context, calibration)]
        by_id = {decision.turn_id: decision for decision in found}
        return [by_id[candidate.turn_id] for candidate in candidates]
    closest = sorted(candidates, key=_similarity, reverse=True)
    similar = {candidate.turn_id: _similarity(candidate) for candidate in closest}
    if context.gap_rule is GapRule.RATIO:
        return ratio_rule(similar, recall.noise, significance=context.gap_significance)
    return null_rule(similar, recall.noise, threshold=context.gap_null_share)


def _rescale_shares(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Rescale the candidates' scores to shares of the best among them."""
    best = max((one.evidence.share for one in candidates), default=0.0) or 1.0
    return [
        replace(one, evidence=replace(one.evidence, share=one.evidence.share / best)) for one in candidates
    ]


def _calibrated(
    candidates: Sequence[Candidate], recall: Recall, context: TurnContext, calibration: Calibration
) -> list[Decision]:
    chances = {one.turn_id: calibration.probability(one.evidence, recall.query) for one in candidates}
    return calibrated_rule(chances, threshold=context.gap_threshold, fall=context.gap_break)


def _similarity(candidate: Candidate) -> float:
    return -1.0 if candidate.evidence.cosine is None else candidate.evidence.cosine


def shown_turns(conversation: Conversation) -> set[str]:
    """Return the ids of the turns available as conversation."""
    turns = [*conversation.turns, *([conversation.opening] if conversation.opening else [])]
    return {turn.turn_id for turn in turns}
