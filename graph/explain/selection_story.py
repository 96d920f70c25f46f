"""What was kept of the memories, what was cut and why, and how the prompt was shared."""

from collections.abc import Iterable, Sequence

from graph.explain.explanation import Explained, explained, in_english, space_notes
from graph.explain.reasons import told, words_of
from graph.explain.short_lines import counted, day, line, snippet
from graph.state.resolution import join_evidence
from graph.state.turn_state import Allocation, State
from memory.models import Decision, DecisionRule

_KEPT_SHOWN = 6
_LINES = 11


def tell_gap_filter(state: State) -> list[str]:
    """Tell how many are kept, then the kept and the best of the cut with their rule and numbers."""
    memories, found = _explained(state["decisions"], state), len(state["recall"].candidates)
    kept = [memory for memory in memories if memory.decision.kept]
    cut = memories[len(kept) :]
    lines = [_how_many(len(kept), len(memories), found - len(memories))]
    if (used := state.get("calibration")) and used.problem:
        lines.append(used.problem)
    lines += [_told("Kept", memory) for memory in kept[:_KEPT_SHOWN]]
    room = max(_LINES - len(lines), 1)
    lines += [_told("Cut", memory) for memory in cut[:room]]
    if rest := [*kept[_KEPT_SHOWN:], *cut[room:]]:
        more = {"kept": len(kept[_KEPT_SHOWN:]), "cut": len(cut[room:])}
        lines.append(f"{len(rest)} more: {', '.join(f'{n} {what}' for what, n in more.items() if n)}.")
    return [line(one) for one in lines]


def _how_many(kept: int, decided: int, beyond: int) -> str:
    """Say how many were kept, and how many were found beyond those that the gap filter is given."""
    if not decided:
        return "There was nothing to choose from."
    if beyond <= 0:
        return f"{kept} of {decided} kept."
    were = "was" if beyond == 1 else "were"
    return f"{kept} of {decided} kept; {beyond} more {were} found than “Prefetch: results” lets through."


def tell_budget(state: State) -> list[str]:
    """Tell the tokens of each layer and of the whole."""
    shares: Allocation = state["allocation"]
    used = shares.fixed + shares.l2_used + shares.l3_used
    lines = [
        f"{used:,} of {counted(shares.total, 'token')} used; the message's confidence is "
        f"{shares.confidence:.2f}, its complexity {shares.complexity:.2f}.",
        f"Identity and facts: {counted(shares.fixed, 'token')}.",
        f"Conversation: {counted(len(shares.conversation), 'turn')}, {shares.l2_used:,} of at most "
        f"{counted(shares.l2_limit, 'token')}.",
        f"Memory: {counted(len(shares.recalled), 'memory', 'memories')}, {shares.l3_used:,} of at most "
        f"{counted(shares.l3_limit, 'token')}.",
    ]
    if shares.space is not None:
        lines += in_english(space_notes(shares.space))
    lines += [_told("Left out", memory) for memory in _explained(shares.over_budget, state)[:6]]
    return [line(one) for one in lines]


def tell_assemble(state: State) -> list[str]:
    """Tell what the prompt is made of."""
    prompt, shares = state["prompt"], state["allocation"]
    tokens = shares.fixed + shares.l2_used + shares.l3_used
    chars = sum(len(message.text) for message in prompt)
    return [
        line(
            f"A prompt of {counted(len(prompt), 'message')}, {counted(chars, 'character')}: "
            f"{counted(tokens, 'token')}, and the message."
        ),
        line("In this order: " + ", ".join(_parts(shares)) + "."),
    ]


def _parts(shares: Allocation) -> Sequence[str]:
    turns, memories = len(shares.conversation), len(shares.recalled)
    parts = ["identity and facts"]
    parts += [counted(turns, "turn") + " of the conversation"] if turns else []
    parts += [counted(memories, "recalled memory", "recalled memories")] if memories else []
    return [*parts, "the message"]


def _explained(decisions: Iterable[Decision], state: State) -> list[Explained]:
    recall = state["recall"]
    return explained(join_evidence(decisions, recall), {c.turn_id: c for c in recall.candidates})


def _told(what: str, memory: Explained) -> str:
    dated = f"{day(memory.at)} " if memory.at else ""
    return f"{what}, {reason(memory.decision)}: {dated}{snippet(memory.text)}"


def reason(decision: Decision) -> str:
    """Say why a memory was kept or cut, with what was held against what."""
    if decision.rule == DecisionRule.BUDGET:
        return f"{words_of(decision)} for its {counted(decision.tokens, 'token')}"
    return told(decision, " ")
