"""Share the prompt between the layers: how much memory this turn gets, and what of it is shown."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo

from langgraph.runtime import Runtime

from graph.context import TurnContext
from graph.shown import ECHO
from graph.state import Allocation, Conversation, State
from graph.updates import BudgetUpdate
from memory import budget as aits
from memory.models import Candidate, ConversationTurn, Decision
from memory.prompt import fit_conversation, render_memory, render_system
from memory.text import clip
from memory.tokens import CountTokens, TokenCounter
from nodes.gap_filter import shown_turns


@dataclass(frozen=True, slots=True)
class Budget:
    """Compute the turn's budget, then fit conversation and recalled memory into it."""

    tokens: TokenCounter
    zone: Callable[[], Awaitable[tzinfo]]

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> BudgetUpdate:
        count, zone = await self.tokens.ready(), await self.zone()
        fixed = count(render_system(state["persona"].text, state["fact_sheet"].facts, zone))
        return {"allocation": allocated(state, runtime.context, fixed, count, zone)}


def allocated(state: State, context: TurnContext, fixed: int, count: CountTokens, zone: tzinfo) -> Allocation:
    """Share the turn's budget, of which identity and facts take `fixed` tokens."""
    message = state["turn"].message
    confidence, complexity = aits.confidence(message), aits.complexity(message)
    total = aits.intent_budget(
        confidence,
        complexity,
        base=context.budget_base,
        multiplier=context.budget_confidence_multiplier,
        bonus=context.budget_complexity_bonus,
        hard_cap=context.budget_hard_cap,
    )
    available = max(total - fixed, 0)
    relevant, past = _relevant(state, count, zone), state["conversation"]
    in_window = shown_turns(past)
    l2_limit = aits.conversation_limit(
        available,
        sum(tokens for candidate, tokens in relevant if candidate.turn_id not in in_window),
        l3_minimum=context.l3_minimum,
        l2_floor=context.l2_floor,
        l2_cap=context.l2_cap,
    )
    shown = fit_conversation(past.turns, past.opening, l2_limit, _shortener(count))
    l2_used = sum(turn.tokens for turn in shown)
    l3_limit = aits.recall_limit(available, l2_used, l3_minimum=context.l3_minimum, l2_floor=context.l2_floor)
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
        shortened=_shortened(shown, past),
        over_budget=tuple(cut),
    )


def fit_memories(
    relevant: list[tuple[Candidate, int]],
    decisions: Mapping[str, Decision],
    limit: int,
    in_conversation: set[str],
) -> tuple[list[tuple[Candidate, int]], list[Decision]]:
    """Take the best that fit; what stands in the conversation already is not said twice.

    Returns:
        The candidates to show with their tokens, and a decision for each that is left out.
    """
    kept: list[tuple[Candidate, int]] = []
    cut: list[Decision] = []
    room = limit
    for candidate, tokens in relevant:
        echo = candidate.turn_id in in_conversation
        if not echo and tokens <= room:
            kept.append((candidate, tokens))
            room -= tokens
            continue
        rule = ECHO if echo else "budget"
        cut.append(replace(decisions[candidate.turn_id], kept=False, rule=rule, tokens=tokens))
    return kept, cut


def _relevant(state: State, count: CountTokens, zone: tzinfo) -> list[tuple[Candidate, int]]:
    """Return what the gap filter kept, best first, with the tokens that each takes."""
    by_id = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    kept = [by_id[decision.turn_id] for decision in state["decisions"] if decision.kept]
    return [(candidate, count(render_memory(1, candidate, zone))) for candidate in kept]


def _shortened(shown: list[ConversationTurn], past: Conversation) -> tuple[ConversationTurn, ...]:
    """Return those that are not shown as they stand in the conversation."""
    whole = {turn.turn_id: turn for turn in past.turns}
    return tuple(turn for turn in shown if turn not in (whole.get(turn.turn_id), past.opening))


def _shortener(count: CountTokens) -> Callable[[ConversationTurn, int], ConversationTurn]:
    def shorten(turn: ConversationTurn, tokens: int) -> ConversationTurn:
        """Cut message and reply in proportion, so that the turn takes about `tokens`; evidence goes."""
        share = tokens / max(turn.tokens, 1)
        message = clip(turn.message, max(int(len(turn.message) * share), 80))
        reply = clip(turn.reply, max(int(len(turn.reply) * share), 80))
        return replace(turn, message=message, reply=reply, evidence=(), tokens=count(message) + count(reply))

    return shorten
