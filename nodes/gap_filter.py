"""Select the relevant candidates; often there are none."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from langgraph.runtime import Runtime

from graph.settings.context import TurnContext
from graph.state.turn_state import CalibrationUsed, Conversation, Recall, State
from graph.state.updates import GapFilterUpdate
from graph.tuning.live_settings import LiveSettings
from memory.models import Candidate, Decision, DecisionRule, Mechanism
from memory.recall.evidence_traits import MessageContext
from memory.recall.gap_rules import GapRule, calibrated_rule, null_rule, ratio_rule
from memory.recall.mechanisms import found_by
from memory.recall.ranking import RankRule, by_blend, by_relevance
from memory.recall.relevance import Calibration, read_calibration, suits
from memory.recall.staged import Staged, read_staged
from memory.recall.statements import is_bare_question
from nodes.overrides import (
    apply_keys_and_times,
    cut_echoes,
    cut_small_talk,
    keep_carried,
    keep_complement,
    keep_newer,
    keep_speaker,
)

BY_PROBABILITY = (GapRule.STAGED, GapRule.CALIBRATED)
"""Rules that use a probability of relevance."""


@dataclass(frozen=True, slots=True)
class GapFilter:
    """Decide on every candidate; kept ones come first, in the order of the prompt."""

    live: LiveSettings

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> GapFilterUpdate:
        """Decide with the calibration in the context, or the packaged one if that is unusable."""
        context = runtime.context
        named, used = await find_calibration(self.live, context, state["recall"].query.model)
        decisions = await asyncio.to_thread(filter_candidates, state, context, named)
        return {"decisions": tuple(decisions), "calibration": used}


async def find_calibration(
    live: LiveSettings, context: TurnContext, model: str
) -> tuple[Calibration | None, CalibrationUsed]:
    """Find the calibration that `context` names, if usable; None means the packaged one."""
    name = context.gap_calibration
    if context.gap_rule not in BY_PROBABILITY or not name:
        return None, CalibrationUsed()
    named = await live.find(name)
    if named is not None and suits(named, model):
        return named, CalibrationUsed(name=name)
    why = f"is for {named.embedding_model}, not for {model}" if named else "is not in goat.toml"
    return None, CalibrationUsed(problem=f"The calibration {name!r} {why}; the packaged one is used.")


def filter_candidates(
    state: State,
    context: TurnContext,
    calibration: Calibration | None = None,
    staged: Staged | None = None,
) -> list[Decision]:
    """Decide on each candidate, by `calibration`, `staged` or the packaged ones.

    A `calibration` replaces the staged rule by `calibrated`.
    """
    recall = state["recall"]
    if context.gap_rule is not GapRule.STAGED or calibration is not None or recall.query.calls is None:
        staged = None
    elif staged is None:
        staged = read_staged(recall.query.model)
    candidates = limit_candidates(
        recall.candidates, context.prefetch_results, shown_turns(state["conversation"])
    )
    if staged is not None:
        decisions = apply_staged(candidates, state, context, staged)
        decisions = keep_complement(decisions, candidates, state["turn"].said)
    else:
        decisions = apply_rule(candidates, recall, context, calibration)
    decisions = apply_keys_and_times(decisions, candidates, recall, state["turn"].said)
    decisions = keep_speaker(decisions, candidates, state["turn"].message)
    if staged is None:
        decisions = cut_small_talk(decisions, candidates, recall)
    decisions = keep_carried(decisions, state)
    decisions = cut_echoes(decisions, candidates, state)
    decisions = keep_newer(decisions, candidates, state["turn"].said)
    return sort_decisions(decisions, candidates, state["turn"].at, context)


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
        asking = {one.turn_id for one in candidates if is_bare_question(one)}
        answers = _rescale_shares([one for one in candidates if one.turn_id not in asking])
        asked = [one for one in candidates if one.turn_id in asking]
        by_id: dict[str, Decision] = {}
        for some in (answers, asked):
            chances = {one.turn_id: calibration.probability(one.evidence, recall.query) for one in some}
            decided = calibrated_rule(chances, threshold=context.gap_threshold, fall=context.gap_break)
            by_id |= {decision.turn_id: decision for decision in decided}
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


def _similarity(candidate: Candidate) -> float:
    return -1.0 if candidate.evidence.cosine is None else candidate.evidence.cosine


def shown_turns(conversation: Conversation) -> set[str]:
    """Return the ids of the turns available as conversation."""
    return {turn.turn_id for turn in (*conversation.turns, conversation.opening) if turn}


def sort_decisions(
    decisions: Sequence[Decision], candidates: Sequence[Candidate], now: datetime, context: TurnContext
) -> list[Decision]:
    """Sort the kept candidates for the prompt; the others follow in their order."""
    by_id = {decision.turn_id: decision for decision in decisions}
    kept = [candidate for candidate in candidates if by_id[candidate.turn_id].kept]
    if context.rank_rule is RankRule.BLEND:
        window, reference = context.rank_recency_window, context.rank_access_reference
        kept = by_blend(kept, now=now, window_days=window, reference=reference)
    elif context.gap_rule in BY_PROBABILITY:
        kept = sorted(kept, key=lambda one: (by_id[one.turn_id].probability, one.at), reverse=True)
    else:
        kept = by_relevance(kept, tie=context.rank_tie)
    kept = sorted(kept, key=lambda one: bool(by_id[one.turn_id].superseded_by))  # outdated ones last
    cut = [candidate for candidate in candidates if not by_id[candidate.turn_id].kept]
    return [by_id[candidate.turn_id] for candidate in [*kept, *cut]]


def limit_candidates(candidates: Sequence[Candidate], limit: int, in_window: set[str]) -> list[Candidate]:
    """Keep the best `limit`, and all that are in the conversation or that another mechanism found."""
    kept, room = [], limit
    for candidate in candidates:
        free = candidate.turn_id in in_window or found_by(candidate.evidence) is not Mechanism.THEMATIC
        if free or room:
            kept.append(candidate)
            room -= not free
    return kept
