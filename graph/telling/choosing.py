"""What was kept of the memories, what was cut and why, and how the prompt was shared."""

from collections.abc import Mapping, Sequence

from graph.reasons import told, words_of
from graph.state import Allocation, State
from graph.telling.window import in_english, space_told
from graph.telling.words import counted, day, line, snippet
from memory.models import Candidate, Decision

_KEPT_SHOWN = 6
_LINES = 11


def tell_gap_filter(state: State) -> list[str]:
    """Tell how many are kept, then the kept and the best of the cut with their rule and numbers."""
    decisions, by_id = state["decisions"], {c.turn_id: c for c in state["recall"].candidates}
    kept = [decision for decision in decisions if decision.kept]
    cut = [decision for decision in decisions if not decision.kept]
    lines = [_how_many(len(kept), len(decisions), len(by_id) - len(decisions))]
    if (used := state.get("calibration")) and used.problem:
        lines.append(used.problem)
    lines += [_told("Kept", decision, by_id) for decision in kept[:_KEPT_SHOWN]]
    room = max(_LINES - len(lines), 1)
    lines += [_told("Cut", decision, by_id) for decision in cut[:room]]
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
        lines += in_english(space_told(shares.space))
    by_id = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    lines += [_told("Left out", decision, by_id) for decision in list(shares.over_budget)[:6]]
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


def _told(what: str, decision: Decision, by_id: Mapping[str, Candidate]) -> str:
    candidate = by_id.get(decision.turn_id)
    quoted = f"{day(candidate.at)} {snippet(candidate.said or candidate.reply)}" if candidate else "?"
    return f"{what}, {reason(decision)}: {quoted}"


def reason(decision: Decision) -> str:
    """Say why a memory was kept or cut, with what was held against what."""
    if decision.rule == "budget":
        return f"{words_of(decision)} for its {counted(decision.tokens, 'token')}"
    return told(decision, " ")
