"""Divide the prompt's budget between the layers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from functools import partial

from langgraph.runtime import Runtime

from graph.model.model_window import WindowShare
from graph.settings.context import TurnContext
from graph.state.recall import extract_of
from graph.state.turn_state import Allocation, Conversation, State
from graph.state.updates import BudgetUpdate
from memory.models import Candidate, ConversationTurn, Decision, DecisionRule
from memory.prompt import token_budget as aits
from memory.prompt.prompt import (
    find_day_breaks,
    fit_conversation,
    fit_system,
    render_day,
    render_memory,
    render_said,
    render_system,
)
from memory.prompt.token_budget import CountTokens, TokenCounter
from memory.prompt.window import MARKS, Space
from memory.recall.relevance import Calibration
from memory.text.text import clip
from nodes.gap_filter import filter_candidates, shown_turns

_CHARS_PER_TOKEN = 3
_LEAST_EXTRACT = 120
_AROUND_MEMORY = 50
"""Tokens of a memory's date and of the marks that replace omitted text."""
_NOTES = 40
"""Tokens of the marks that replace a turn's omitted text."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Compute the turn's budget, and fit conversation and recalled memory into it."""

    tokens: TokenCounter
    zone: tzinfo
    window_share: WindowShare | None = None
    """None: there is no model."""

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> BudgetUpdate:
        count, zone = await self.tokens.ready(), self.zone
        identity, facts = state["persona"].text, state["fact_sheet"].facts
        fixed, space = count(render_system(identity, facts, zone)), None
        if self.window_share is not None:
            space = await self.window_share(state, runtime.context, fixed, count, zone)
        if space is not None and space.fixed < fixed:
            fixed = count(fit_system(identity, facts, zone, space.fixed, count))
        return {"allocation": allocate(state, runtime.context, BudgetInputs(fixed, count, zone, space))}


@dataclass(frozen=True, slots=True)
class BudgetInputs:
    """Inputs of a turn's budget, in addition to its state and context."""

    fixed: int
    """Tokens of identity and facts."""
    count: CountTokens
    zone: tzinfo
    space: Space | None = None
    """Shares of the model's context window; None when its size is unknown."""


def allocate(state: State, context: TurnContext, inputs: BudgetInputs) -> Allocation:
    """Divide the turn's budget between the layers."""
    fixed, count, zone, space = inputs.fixed, inputs.count, inputs.zone, inputs.space
    confidence, complexity = aits.confidence(state["turn"].said), aits.complexity(state["turn"].said)
    total, floor, minimum = _intent(confidence, complexity, context), context.l2_floor, context.l3_minimum
    past = _count_day_marks(state["conversation"], state["turn"].at, count, zone)
    if space is not None:
        total, past = min(total, space.memory), _count_role_marks(past)
        floor, minimum = aits.guarantees(space.memory - fixed, l2_floor=floor, l3_minimum=minimum)
    available = max(total - fixed, 0)
    extract = _extract(minimum) if minimum < context.l3_minimum else 0
    relevant, in_window = _kept_memories(state, count, zone, extract), shown_turns(past)
    l2_limit = aits.conversation_limit(
        available,
        sum(tokens for candidate, tokens in relevant if candidate.turn_id not in in_window),
        l3_minimum=minimum,
        l2_floor=floor,
        l2_cap=context.l2_cap,
    )
    shorten = partial(_shorten, count, _NOTES if space else 0)
    shown = fit_conversation(past.turns, past.opening, l2_limit, shorten)
    if space is not None and sum(turn.tokens for turn in shown) > l2_limit:  # a cut turn has a minimum length
        shown = []
    l2_used = sum(turn.tokens for turn in shown)
    whole = {turn.turn_id: turn for turn in (past.opening, *past.turns) if turn}
    l3_limit = aits.recall_limit(available, l2_used, l3_minimum=minimum, l2_floor=floor)
    decisions = {decision.turn_id: decision for decision in state["decisions"]}
    kept, cut = fit_memories(relevant, decisions, l3_limit, {turn.turn_id for turn in shown})
    return Allocation(
        confidence=confidence,
        complexity=complexity,
        total=total,
        fixed=fixed,
        l2_limit=l2_limit,
        l2_used=l2_used,
        l3_limit=l3_limit,
        l3_used=sum(tokens for _, tokens in kept),
        conversation=tuple(turn.turn_id for turn in shown),
        recalled=tuple(candidate.turn_id for candidate, _ in kept),
        shortened=tuple(turn for turn in shown if turn != whole.get(turn.turn_id)),
        over_budget=tuple(cut),
        space=space,
        extract=extract,
    )


def decide(
    state: State, context: TurnContext, inputs: BudgetInputs, calibration: Calibration | None = None
) -> State:
    """Return the state after `gap_filter` and `budget`, for replay, labelling and tuning."""
    filtered: State = {**state, "decisions": filter_candidates(state, context, calibration)}
    return {**filtered, "allocation": allocate(filtered, context, inputs)}


def _intent(confidence: float, complexity: float, context: TurnContext) -> int:
    return aits.intent_budget(
        confidence,
        complexity,
        base=context.budget_base,
        multiplier=context.budget_confidence_multiplier,
        bonus=context.budget_complexity_bonus,
        hard_cap=context.budget_hard_cap,
    )


def _count_day_marks(past: Conversation, now: datetime, count: CountTokens, zone: tzinfo) -> Conversation:
    """Add the tokens of day marks, and a spare one: the first turn shown, whichever it is, opens a day."""
    turns = [turn for turn in (past.opening, *past.turns) if turn]
    opening = find_day_breaks([turn.at for turn in turns], now, zone)
    if not any(opening):
        return past
    mark = count(render_day(now, zone))
    days = [*map(int, opening[:-1]), opening[-1] + 1]
    marked = [
        replace(turn, tokens=turn.tokens + mark * shown) if shown else turn
        for turn, shown in zip(turns, days, strict=True)
    ]
    first = marked[0] if past.opening else None
    return Conversation(turns=marked[1:] if first else marked, opening=first)


def _count_role_marks(past: Conversation) -> Conversation:
    """Add the tokens of the chat template's role marks, which matter in a small window."""
    turns = [replace(turn, tokens=turn.tokens + 2 * MARKS) for turn in (*past.turns, past.opening) if turn]
    return Conversation(turns=turns[: len(past.turns)], opening=turns[-1] if past.opening else None)


def fit_memories(
    relevant: list[tuple[Candidate, int]],
    decisions: Mapping[str, Decision],
    limit: int,
    in_conversation: set[str],
) -> tuple[list[tuple[Candidate, int]], list[Decision]]:
    """Take the best memories that fit, except those already in the conversation.

    An outdated memory is dropped if the one that supersedes it did not fit.

    Returns:
        The candidates to show with their tokens, and a decision for each one left out.
    """
    kept: list[tuple[Candidate, int]] = []
    cut: list[Decision] = []
    crowded_out: set[str] = set()
    room = limit
    for candidate, tokens in relevant:
        echo = candidate.turn_id in in_conversation
        outdated_alone = decisions[candidate.turn_id].superseded_by in crowded_out
        if not echo and not outdated_alone and tokens <= room:
            kept.append((candidate, tokens))
            room -= tokens
            continue
        rule = DecisionRule.ECHO if echo else DecisionRule.BUDGET
        if not echo:
            crowded_out.add(candidate.turn_id)
        cut.append(replace(decisions[candidate.turn_id], kept=False, rule=rule, tokens=tokens))
    return kept, cut


def _extract(l3_minimum: int) -> int:
    """Return the limit in characters at which two memories fit into L3's minimum."""
    return max((l3_minimum // 2 - _AROUND_MEMORY) * _CHARS_PER_TOKEN // 2, _LEAST_EXTRACT)


def _kept_memories(
    state: State, count: CountTokens, zone: tzinfo, extract: int
) -> list[tuple[Candidate, int]]:
    """Return the memories that the gap filter kept, best first, each with its tokens."""
    by_id = {one.turn_id: extract_of(one, extract) for one in state["recall"].candidates}
    kept = [(by_id[one.turn_id], bool(one.superseded_by)) for one in state["decisions"] if one.kept]
    return [(each, count(render_memory(1, each, zone, outdated=old))) for each, old in kept]


def _shorten(count: CountTokens, spare: int, turn: ConversationTurn, tokens: int) -> ConversationTurn:
    """Cut all texts of a turn in proportion, to about `tokens` less `spare`, and drop its evidence."""
    share = max(tokens - spare, 0) / max(turn.tokens, 1)
    message, reply, *texts = (
        clip(text, max(int(len(text) * share), 80))
        for text in (turn.message, turn.reply, *(part.text for part in turn.parts))
    )
    parts = tuple(replace(part, text=text) for part, text in zip(turn.parts, texts, strict=True))
    tokens = count(render_said(message, parts)) + count(reply)
    return replace(turn, message=message, reply=reply, parts=parts, evidence=(), tokens=tokens)
