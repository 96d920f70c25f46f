"""Decide which candidates are relevant; often none is."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from langgraph.runtime import Runtime

from graph.context import TurnContext
from graph.shown import ECHO
from graph.state import CalibrationUsed, Conversation, Recall, State
from graph.updates import GapFilterUpdate
from memory.duplicates import asks_again, contained, superseded, words_of
from memory.expansion import is_fragment
from memory.gap import GapRule, Verdict, calibrated_rule, null_rule, ratio_rule
from memory.marks import asks, in_first_person, takes_down
from memory.models import Candidate, Decision
from memory.questions import is_unanswered
from memory.ranking import RankRule, by_blend, by_relevance
from memory.relevance import Calibration, Calibrations, calibration_of, suits
from memory.staged import MOST, Staged, staged_of
from memory.supersession import outdated
from memory.traits import Asked

CALLS_FOR_NOTHING = -2.0
"""Log-odds under which a fragment asks on about nothing: "and how are you?"."""
FEW_HOLD_A_KEY = 5
"""A key that more episodes hold says too little by itself."""
A_DAY = timedelta(hours=48)
"""A time that is no longer is a day, or the night after it."""
ASKED_FOR = ("key", "time")
"""Rules by which the message itself asks for a memory."""
BY_PROBABILITY = (GapRule.STAGED, GapRule.CALIBRATED)
"""Rules that go by a probability of relevance."""
SURE = 0.9
"""A memory that is so probable is shown again, also when it was shown in vain."""
AS_BEFORE = 0.05
"""How much more probable a memory must be than when it was last shown in vain."""


@dataclass(frozen=True, slots=True)
class GapFilter:
    """Give every candidate a decision: the kept ones first, in the order in which they will stand."""

    calibrations: Calibrations

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> GapFilterUpdate:
        """Decide by the calibration that the context names; by the packaged one when that cannot serve."""
        context, model = runtime.context, state["recall"].query.model
        named, problem = None, ""
        if context.gap_rule in BY_PROBABILITY and context.gap_calibration:
            named, problem = await self._named(context.gap_calibration, model)
        decisions = await asyncio.to_thread(decided, state, context, named)
        used = CalibrationUsed(name=context.gap_calibration if named else "", problem=problem)
        return {"decisions": tuple(decisions), "calibration": used, "thresholds": context.plain()}

    async def _named(self, name: str, model: str) -> tuple[Calibration | None, str]:
        """Find a calibration that can serve; without one, say why."""
        named = await self.calibrations.find(name)
        if named is not None and suits(named, model):
            return named, ""
        why = f"is for {named.embedding_model}, not for {model}" if named else "does not stand in goat.toml"
        return None, f"The calibration {name!r} {why}; the one of the package is used."


def decided(
    state: State,
    context: TurnContext,
    calibration: Calibration | None = None,
    staged: Staged | None = None,
) -> list[Decision]:
    """Return a decision on each candidate, by `calibration` or `staged`, or by the packaged ones."""
    recall = state["recall"]
    staged = fit_for(recall, context, calibration, staged)
    candidates = at_most(recall.candidates, context.prefetch_results, shown_turns(state["conversation"]))
    if staged is not None:
        decisions = called(candidates, state, context, staged)
    else:
        decisions = judged(candidates, recall, context, calibration)
    decisions = by_key_and_time(decisions, candidates, recall, state["turn"].said)
    if staged is None:
        decisions = without_small_talk(decisions, candidates, recall)
    decisions = carried_on(decisions, state)
    decisions = without_echo(decisions, candidates, state)
    decisions = with_newer(decisions, candidates, state["turn"].said)
    return in_order(decisions, candidates, state["turn"].at, context)


def in_order(
    decisions: Sequence[Decision], candidates: Sequence[Candidate], now: datetime, context: TurnContext
) -> list[Decision]:
    """Put the kept ones first, as they will stand, then the others as they were found."""
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
    """Put each memory that is out of date after the one that supersedes it."""
    found = [each for each in ordered if not superseded_by[each.turn_id]]
    return found + [each for each in ordered if superseded_by[each.turn_id]]


def shown_turns(conversation: Conversation) -> set[str]:
    """Return the ids of the turns that may be shown as conversation."""
    turns = [*conversation.turns, *([conversation.opening] if conversation.opening else [])]
    return {turn.turn_id for turn in turns}


def at_most(candidates: Sequence[Candidate], limit: int, in_window: set[str]) -> list[Candidate]:
    """Keep the best `limit`, beside those that stand in the conversation or were asked for by key or time."""
    kept, room = [], limit
    for candidate in candidates:
        evidence = candidate.evidence
        if candidate.turn_id in in_window or evidence.keyed or evidence.timed:
            kept.append(candidate)
        elif room:
            kept.append(candidate)
            room -= 1
    return kept


def fit_for(
    recall: Recall, context: TurnContext, calibration: Calibration | None, staged: Staged | None
) -> Staged | None:
    """Return the fit of the two decisions; None for another rule, or when none can judge this recall.

    A calibration that is named is a fit of the rule `calibrated`, and decides by that.
    """
    if context.gap_rule is not GapRule.STAGED or calibration is not None or recall.query.calls is None:
        return None
    return staged or staged_of(recall.query.model)


def called(
    candidates: Sequence[Candidate], state: State, context: TurnContext, staged: Staged
) -> list[Decision]:
    """Decide whether the message calls for memory, and which memories answer it."""
    turn = state["turn"]
    asked = Asked(
        message=turn.said, at=turn.at, query=state["recall"].query, turns=state["conversation"].turns
    )
    window, found = shown_turns(state["conversation"]), dict[str, Decision]()
    for here in (False, True):  # what stands in the conversation takes no place of a memory
        some = [each for each in candidates if (each.turn_id in window) is here]
        verdicts = staged.judged(asked, some, threshold=context.gap_threshold, fall=context.gap_break)
        for decision in _decisions(some, verdicts):
            named = replace(decision, rule=ECHO) if here and not decision.kept else decision
            found[decision.turn_id] = named
    return [found[candidate.turn_id] for candidate in candidates]


def judged(
    candidates: Sequence[Candidate],
    recall: Recall,
    context: TurnContext,
    calibration: Calibration | None = None,
) -> list[Decision]:
    """Apply the configured rule.

    Where probabilities decide, questions that were never answered are held against each other alone: what is
    asked again is the best find, and its answer would look poor beside it.
    """
    if context.gap_rule in BY_PROBABILITY:
        calibration = calibration or calibration_of(recall.query.model)
        asking = {candidate.turn_id for candidate in candidates if is_unanswered(candidate)}
        told = _among_themselves([one for one in candidates if one.turn_id not in asking])
        asked = [one for one in candidates if one.turn_id in asking]
        found = [one for some in (told, asked) for one in _calibrated(some, recall, context, calibration)]
        by_id = {decision.turn_id: decision for decision in found}
        return [by_id[candidate.turn_id] for candidate in candidates]
    closest = sorted(candidates, key=_similarity, reverse=True)
    similar = [_similarity(candidate) for candidate in closest]
    if context.gap_rule is GapRule.RATIO:
        return _decisions(closest, ratio_rule(similar, recall.noise, significance=context.gap_significance))
    return _decisions(closest, null_rule(similar, recall.noise, threshold=context.gap_null_share))


def _among_themselves(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return candidates whose scores are shares of the best one among them."""
    best = max((one.evidence.share for one in candidates), default=0.0) or 1.0
    return [
        replace(one, evidence=replace(one.evidence, share=one.evidence.share / best)) for one in candidates
    ]


def _calibrated(
    candidates: Sequence[Candidate], recall: Recall, context: TurnContext, calibration: Calibration
) -> list[Decision]:
    chances = [calibration.probability(candidate.evidence, recall.query) for candidate in candidates]
    verdicts = calibrated_rule(chances, threshold=context.gap_threshold, fall=context.gap_break)
    return _decisions(candidates, verdicts)


def asks_of_time(candidates: Sequence[Candidate], recall: Recall, message: str) -> bool:
    """Tell whether a message asks for what was said at a time, whatever it was about.

    It names nothing but the time, or it asks of its author's own on a day of few turns: "what did I tell you
    about the move last Friday?"
    """
    if recall.times is None:
        return False
    few = sum(candidate.evidence.timed for candidate in candidates) <= MOST
    narrow = few and recall.times.end - recall.times.start <= A_DAY
    return recall.times.alone or (narrow and asks(message) and in_first_person(message))


def by_key_and_time(
    decisions: Sequence[Decision], candidates: Sequence[Candidate], recall: Recall, message: str
) -> list[Decision]:
    """Keep what holds a rare key of the message; hold the rest to the time that the message means.

    What lies in that time stands alone when any of it is relevant. When none is, the time is taken as a
    matter like any other; a message that asks for a time is answered by what was said then.
    """
    evidence = {candidate.turn_id: candidate.evidence for candidate in candidates}
    alone = asks_of_time(candidates, recall, message)
    found = []
    for decision in decisions:
        told = evidence[decision.turn_id]
        if 0 < told.keyed <= FEW_HOLD_A_KEY:
            found.append(replace(decision, kept=True, rule="key", probability=1.0))
        elif told.timed and alone:
            found.append(replace(decision, kept=True, rule="time", probability=1.0))
        else:
            found.append(decision)
    if not any(decision.kept and evidence[decision.turn_id].timed for decision in found):
        return found
    return [
        replace(decision, kept=False, rule="time")
        if decision.kept and not evidence[decision.turn_id].timed and decision.rule != "key"
        else decision
        for decision in found
    ]


def without_small_talk(
    decisions: Sequence[Decision], candidates: Sequence[Candidate], recall: Recall
) -> list[Decision]:
    """Cut small talk, and everything for a message that is small talk itself: thanks call up nothing."""
    idle = {c.turn_id for c in candidates if c.small_talk or recall.query.small_talk}
    return [
        replace(decision, kept=False, rule="small_talk", probability=0.0)
        if decision.kept and decision.turn_id in idle and decision.rule not in ASKED_FOR
        else decision
        for decision in decisions
    ]


def without_echo(
    decisions: Sequence[Decision], candidates: Sequence[Candidate], state: State
) -> list[Decision]:
    """Cut what a later memory repeats, what the facts say already, and what was just shown in vain."""
    kept_ids = {d.turn_id for d in decisions if d.kept and d.rule not in ASKED_FOR}
    kept = [candidate for candidate in candidates if candidate.turn_id in kept_ids]
    repeated = {kept[place].turn_id for place in superseded(kept)}
    repeated |= {c.turn_id for c in kept if asks_again(c, state["turn"].said)}
    facts = [words_of(f"{fact.key} {fact.value}") for fact in state["fact_sheet"].facts]
    known = {c.turn_id for c in kept if facts and _is_known(words_of(f"{c.said} {c.reply}"), facts)}
    in_vain = {shown.turn_id: shown.probability for shown in state.get("unused", ())}
    if asks(state["turn"].said):  # who asks again wants it, in whatever words
        in_vain = {}
    found = []
    for decision in decisions:
        rule = _echo(decision, repeated, known, in_vain) if decision.kept else ""
        found.append(replace(decision, kept=False, rule=rule) if rule else decision)
    return found


def carried_on(decisions: Sequence[Decision], state: State) -> list[Decision]:
    """Keep what was shown right before, for a message that asks on about it ("and how much is it?").

    Not when the last reply took something down: then the message asks for that.
    """
    message, turns = state["turn"].said, state["conversation"].turns
    noted = bool(turns) and takes_down(turns[-1].reply)
    query = state["recall"].query
    idle = query.small_talk or (query.calls or 0.0) < CALLS_FOR_NOTHING
    if noted or idle or not asks(message) or not is_fragment(message):
        return list(decisions)
    carried = {*state["recall"].carried}
    return [
        replace(decision, kept=True, rule="carried")
        if decision.turn_id in carried and not decision.kept
        else decision
        for decision in decisions
    ]


def with_newer(
    decisions: Sequence[Decision], candidates: Sequence[Candidate], message: str
) -> list[Decision]:
    """Mark kept memories that a later one puts out of date, and keep the latest one with them."""
    by_id = {decision.turn_id: decision for decision in decisions}
    while True:
        shown = [candidate for candidate in candidates if by_id[candidate.turn_id].kept]
        later = outdated(shown, candidates, message)
        added = {new: old for old, new in later.items() if not by_id[new].kept}
        if not added:
            break
        for new, old in added.items():
            chance = by_id[old].probability
            by_id[new] = replace(by_id[new], kept=True, rule="newer", probability=chance)
    return [replace(each, superseded_by=later.get(turn_id, "")) for turn_id, each in by_id.items()]


def _echo(decision: Decision, repeated: set[str], known: set[str], in_vain: dict[str, float]) -> str:
    if decision.turn_id in repeated:
        return "duplicate"
    if decision.turn_id in known:
        return "fact"
    before = None if decision.rule in ASKED_FOR else in_vain.get(decision.turn_id)
    if before is not None and decision.probability < min(before + AS_BEFORE, SURE):
        return "unused"
    return ""


def _is_known(words: frozenset[str], facts: Sequence[frozenset[str]]) -> bool:
    return any(contained(words, fact) for fact in facts)


def _similarity(candidate: Candidate) -> float:
    return -1.0 if candidate.evidence.cosine is None else candidate.evidence.cosine


def _decisions(candidates: Sequence[Candidate], verdicts: Sequence[Verdict]) -> list[Decision]:
    return [
        Decision(
            turn_id=candidate.turn_id,
            kept=verdict.kept,
            rule=verdict.rule,
            score=verdict.score,
            threshold=verdict.threshold,
            probability=verdict.probability,
        )
        for candidate, verdict in zip(candidates, verdicts, strict=True)
    ]
