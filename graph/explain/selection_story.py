"""The stories of the nodes that select memories, allocate the budget and build the prompt."""

from collections.abc import Iterable, Sequence

from graph.explain.explanation import ExplainedMemory, explain_decisions, in_english, space_notes
from graph.explain.reasons import explain_decision, rule_words
from graph.explain.short_lines import day, line, quantity, snippet
from graph.state.resolution import join_evidence
from graph.state.turn_state import Allocation, State
from memory.models import Decision, DecisionRule

_KEPT_SHOWN = 6
_LINES = 11


def describe_gap_filter(state: State) -> list[str]:
    """Count the kept memories, then list them and the best of the cut ones with rule and score."""
    memories, found = _with_memories(state["decisions"], state), len(state["recall"].candidates)
    kept = [memory for memory in memories if memory.decision.kept]
    cut = memories[len(kept) :]
    lines = [_how_many(len(kept), len(memories), found - len(memories))]
    if (used := state.get("calibration")) and used.problem:
        lines.append(used.problem)
    lines += [_memory_line("Kept", memory) for memory in kept[:_KEPT_SHOWN]]
    room = max(_LINES - len(lines), 1)
    lines += [_memory_line("Cut", memory) for memory in cut[:room]]
    if rest := [*kept[_KEPT_SHOWN:], *cut[room:]]:
        more = {"kept": len(kept[_KEPT_SHOWN:]), "cut": len(cut[room:])}
        lines.append(f"{len(rest)} more: {', '.join(f'{n} {what}' for what, n in more.items() if n)}.")
    return [line(one) for one in lines]


def _how_many(kept: int, decided: int, beyond: int) -> str:
    """Count the kept memories, and those found beyond the limit on the gap filter's input."""
    if not decided:
        return "There was nothing to choose from."
    if beyond <= 0:
        return f"{kept} of {decided} kept."
    were = "was" if beyond == 1 else "were"
    return f"{kept} of {decided} kept; {beyond} more {were} found than “Prefetch: results” lets through."


def describe_budget(state: State) -> list[str]:
    """List the tokens of each layer and in total."""
    shares: Allocation = state["allocation"]
    used = shares.fixed + shares.l2_used + shares.l3_used
    lines = [
        f"{used:,} of {quantity(shares.total, 'token')} used; the message's confidence is "
        f"{shares.confidence:.2f}, its complexity {shares.complexity:.2f}.",
        f"Identity and facts: {quantity(shares.fixed, 'token')}.",
        f"Conversation: {quantity(len(shares.conversation), 'turn')}, {shares.l2_used:,} of at most "
        f"{quantity(shares.l2_limit, 'token')}.",
        f"Memory: {quantity(len(shares.recalled), 'memory', 'memories')}, {shares.l3_used:,} of at most "
        f"{quantity(shares.l3_limit, 'token')}.",
    ]
    if shares.space is not None:
        lines += in_english(space_notes(shares.space))
    lines += [_memory_line("Left out", memory) for memory in _with_memories(shares.over_budget, state)[:6]]
    return [line(one) for one in lines]


def describe_assemble(state: State) -> list[str]:
    """Describe the prompt's size and its parts in order."""
    prompt, shares = state["prompt"], state["allocation"]
    tokens = shares.fixed + shares.l2_used + shares.l3_used
    chars = sum(len(message.text) for message in prompt)
    return [
        line(
            f"A prompt of {quantity(len(prompt), 'message')}, {quantity(chars, 'character')}: "
            f"{quantity(tokens, 'token')}, and the message."
        ),
        line("In this order: " + ", ".join(_parts(shares)) + "."),
    ]


def _parts(shares: Allocation) -> Sequence[str]:
    turns, memories = len(shares.conversation), len(shares.recalled)
    parts = ["identity and facts"]
    parts += [quantity(turns, "turn") + " of the conversation"] if turns else []
    parts += [quantity(memories, "recalled memory", "recalled memories")] if memories else []
    return [*parts, "the message"]


def _with_memories(decisions: Iterable[Decision], state: State) -> list[ExplainedMemory]:
    recall = state["recall"]
    return explain_decisions(join_evidence(decisions, recall), {c.turn_id: c for c in recall.candidates})


def _memory_line(what: str, memory: ExplainedMemory) -> str:
    dated = f"{day(memory.at)} " if memory.at else ""
    return f"{what}, {reason(memory.decision)}: {dated}{snippet(memory.text)}"


def reason(decision: Decision) -> str:
    """Say why a memory was kept or cut, with score and threshold or its tokens."""
    if decision.rule == DecisionRule.BUDGET:
        return f"{rule_words(decision)} for its {quantity(decision.tokens, 'token')}"
    return explain_decision(decision, " ")
