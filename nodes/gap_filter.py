"""Select the relevant candidates; often there are none."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from langgraph.runtime import Runtime

from graph.settings.context import TurnContext
from graph.state.turn_state import CalibrationUsed, State
from graph.state.updates import GapFilterUpdate
from memory.models import Candidate, Decision, Mechanism
from memory.recall.mechanisms import found_by
from memory.recall.ranking import RankRule, by_blend, by_relevance
from memory.recall.relevance import Calibration, Calibrations, suits
from memory.recall.staged import Staged
from nodes.judgement import BY_PROBABILITY, apply_rule, apply_staged, find_staged, shown_turns
from nodes.overrides import apply_keys_and_times, cut_echoes, cut_small_talk, keep_carried, keep_newer


@dataclass(frozen=True, slots=True)
class GapFilter:
    """Decide on every candidate; kept ones come first, in the order of the prompt."""

    calibrations: Calibrations

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> GapFilterUpdate:
        """Decide with the calibration in the context, or the packaged one if that is unusable."""
        context = runtime.context
        named, used = await find_calibration(self.calibrations, context, state["recall"].query.model)
        decisions = await asyncio.to_thread(filter_candidates, state, context, named)
        return {"decisions": tuple(decisions), "calibration": used, "thresholds": context.plain()}


async def find_calibration(
    calibrations: Calibrations, context: TurnContext, model: str
) -> tuple[Calibration | None, CalibrationUsed]:
    """Find the calibration that `context` names, if usable; None means the packaged one."""
    name = context.gap_calibration
    if context.gap_rule not in BY_PROBABILITY or not name:
        return None, CalibrationUsed()
    named = await calibrations.find(name)
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
    """Decide on each candidate, by `calibration`, `staged` or the packaged ones."""
    recall = state["recall"]
    staged = find_staged(recall, context, calibration, staged)
    candidates = limit_candidates(
        recall.candidates, context.prefetch_results, shown_turns(state["conversation"])
    )
    if staged is not None:
        decisions = apply_staged(candidates, state, context, staged)
    else:
        decisions = apply_rule(candidates, recall, context, calibration)
    decisions = apply_keys_and_times(decisions, candidates, recall, state["turn"].said)
    if staged is None:
        decisions = cut_small_talk(decisions, candidates, recall)
    decisions = keep_carried(decisions, state)
    decisions = cut_echoes(decisions, candidates, state)
    decisions = keep_newer(decisions, candidates, state["turn"].said)
    return sort_decisions(decisions, candidates, state["turn"].at, context)


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
    kept = newer_first(kept, {turn_id: each.superseded_by for turn_id, each in by_id.items()})
    cut = [candidate for candidate in candidates if not by_id[candidate.turn_id].kept]
    return [by_id[candidate.turn_id] for candidate in [*kept, *cut]]


def newer_first(ordered: Sequence[Candidate], superseded_by: Mapping[str, str]) -> list[Candidate]:
    """Move outdated memories behind those that supersede them."""
    found = [each for each in ordered if not superseded_by[each.turn_id]]
    return found + [each for each in ordered if superseded_by[each.turn_id]]


def limit_candidates(candidates: Sequence[Candidate], limit: int, in_window: set[str]) -> list[Candidate]:
    """Keep the best `limit`, and all that are in the conversation or that another mechanism found."""
    kept, room = [], limit
    for candidate in candidates:
        if candidate.turn_id in in_window or found_by(candidate.evidence) is not Mechanism.THEMATIC:
            kept.append(candidate)
        elif room:
            kept.append(candidate)
            room -= 1
    return kept
