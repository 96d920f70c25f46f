"""The story of a node's run: a few short lines on what it did."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from graph.explain.explanation import (
    ExplainedMemory,
    explain_decision,
    explain_found,
    fitting_notes,
    in_english,
    rule_words,
    space_notes,
    tiers_down,
)
from graph.model.tool_rounds import exchange_of, fitting_of, grounding_of
from graph.state.circumstances import has_reply
from graph.state.reducers import LONGEST_LINE
from graph.state.turn_state import State
from memory.models import Decision, DecisionRule, Mechanism, Outcome, SearchReport, SearchStatus
from memory.recall.mechanisms import MECHANISMS

_KEPT_SHOWN, _FACTS_NAMED = 6, 8
_LINES = 11
_SNIPPET = 60
_NOT_SEARCHED = {SearchStatus.LATE: "it was late and was dropped", SearchStatus.DOWN: "the archive is down"}
_HOW = {SearchStatus.CACHED: ", from the session cache", SearchStatus.PARTIAL: ", only in part"}
_FOUND = {Mechanism.THEMATIC: "by meaning and words"} | {one.name: one.caption for one in MECHANISMS}
_FIGURES = 6


def describe_prefetch(state: State) -> list[str]:
    recall = state["recall"]
    thematic = recall.reports.get(Mechanism.THEMATIC, SearchReport(status=SearchStatus.DOWN))
    if why := _NOT_SEARCHED.get(thematic.status):
        return [f"Nothing was searched: {why}. {thematic.problem}"]
    how = _HOW.get(thematic.status, "")
    lines = [f"By meaning and words: {thematic.found} found in {thematic.milliseconds:.0f} ms{how}."]
    for one in MECHANISMS:
        if (sought := recall.sought.get(one.name)) is None:
            lines.append(f"By {one.label}: not searched, {one.absent}.")
        else:
            report = recall.reports.get(one.name, SearchReport(status=SearchStatus.OK))
            lines.append(f"By {one.label}, {sought}: {report.found} found.")
    if recall.expanded:
        lines.append(f"Searched for {snippet(recall.expanded)}, because the message means little alone.")
    if thematic.problem:
        lines.append(f"Problem: {thematic.problem}")
    return lines


def describe_identity(state: State) -> list[str]:
    persona = state["persona"]
    whose = "The owner's own identity" if persona.overridden else "The configured identity"
    lines = [f"{whose}, {quantity(len(persona.text), 'character')}."]
    return [*lines, f"L0 is down: {persona.problem}"] if persona.problem else lines


def describe_facts(state: State) -> list[str]:
    sheet = state["fact_sheet"]
    keys = [fact.key for fact in sheet.facts]
    named = ", ".join(keys[:_FACTS_NAMED]) + (", …" if len(keys) > _FACTS_NAMED else "")
    lines = [f"{quantity(len(keys), 'fact')}: {named}." if keys else "No facts."]
    return [*lines, f"L1 is down: {sheet.problem}"] if sheet.problem else lines


def describe_working(state: State) -> list[str]:
    turn, past = state["turn"], state["conversation"]
    earlier = "The conversation begins here."
    if past.turns:
        count, tokens = quantity(len(past.turns), "earlier turn"), sum(each.tokens for each in past.turns)
        pinned = " and its opening" if past.opening else ""
        earlier = f"{count} of the conversation{pinned}: {quantity(tokens, 'token')}."
    lines = [f"{turn.owner}, {turn.at:%Y-%m-%d %H:%M}: {snippet(turn.said)}", earlier]
    if turn.experiment:
        lines.append("An experiment: memory is read as of the message's time; nothing is written.")
    return lines


def describe_gap_filter(state: State) -> list[str]:
    """Count the kept memories, then list them and the best of the cut ones with rule and score."""
    memories = explain_found(state["decisions"], state["recall"])
    beyond = len(state["recall"].candidates) - len(memories)
    kept = [memory for memory in memories if memory.decision.kept]
    cut = memories[len(kept) :]
    also = f"; {beyond} more {'was' if beyond == 1 else 'were'} found than “Prefetch: results” lets through"
    counted = f"{len(kept)} of {len(memories)} kept{also if beyond > 0 else ''}."
    lines = [counted if memories else "There was nothing to choose from."]
    if (used := state.get("calibration")) and used.problem:
        lines.append(used.problem)
    lines += [_memory_line("Kept", memory) for memory in kept[:_KEPT_SHOWN]]
    room = max(_LINES - len(lines), 1)
    lines += [_memory_line("Cut", memory) for memory in cut[:room]]
    if rest := [*kept[_KEPT_SHOWN:], *cut[room:]]:
        more = {"kept": len(kept[_KEPT_SHOWN:]), "cut": len(cut[room:])}
        lines.append(f"{len(rest)} more: {', '.join(f'{n} {what}' for what, n in more.items() if n)}.")
    return lines


def describe_budget(state: State) -> list[str]:
    shares = state["allocation"]
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
    lines += in_english(space_notes(shares.space))
    over = explain_found(shares.over_budget, state["recall"])
    lines += [_memory_line("Left out", memory) for memory in over[:6]]
    return lines


def describe_assemble(state: State) -> list[str]:
    prompt, shares = state["prompt"], state["allocation"]
    turns, memories = len(shares.conversation), len(shares.recalled)
    parts = ["identity and facts"]
    parts += [f"{quantity(turns, 'turn')} of the conversation"] if turns else []
    parts += [quantity(memories, "recalled memory", "recalled memories")] if memories else []
    tokens = shares.fixed + shares.l2_used + shares.l3_used
    chars = sum(len(message.text) for message in prompt)
    return [
        f"A prompt of {quantity(len(prompt), 'message')}, {quantity(chars, 'character')}: "
        f"{quantity(tokens, 'token')}, and the message.",
        f"In this order: {', '.join([*parts, 'the message'])}.",
    ]


def describe_respond(state: State) -> list[str]:
    rounds, reply, fitting = exchange_of(state).rounds, state.get("reply"), fitting_of(state)
    notes = in_english(fitting_notes(fitting))
    if fitting.again:
        return notes
    if reply is not None and has_reply(state["messages"], state["turn"].turn_id):
        if reply.outcome is Outcome.RECALLED:
            return ["No model is configured: the reply shows what was recalled.", *notes]
        by = f", by {reply.model} in {reply.seconds:.1f} s" if reply.model else ""
        problem, size = f" {reply.problem}" if reply.problem else "", quantity(len(reply.text), "character")
        return [f"{reply.outcome.value.capitalize()}{by}, {size}: {snippet(reply.text)}{problem}", *notes]
    if not rounds:
        return []
    names = ", ".join(call.name for call in rounds[-1].calls)
    return [f"Round {len(rounds)}: the model asks for {names}.", *notes]


def describe_tools(state: State) -> list[str]:
    lines = []
    for one in state["results"]:
        how = "failed: " if one.milliseconds else ""
        if one.ok:
            how = f"{quantity(len(one.output), 'character')} in {one.milliseconds:.0f} ms: "
        lines.append(f"{one.name}: {how}{snippet(one.output)}")
    return lines


def describe_ground(state: State) -> list[str]:
    found = grounding_of(state)
    if not found.unsupported:
        return ["Every figure in the reply has a source in what the model was shown."]
    figures = ", ".join(list(found.unsupported)[:_FIGURES])
    then = "it was rewritten" if found.corrected else f"it was kept: {found.problem}"
    return [f"The reply had {quantity(len(found.unsupported), 'unsupported figure')} ({figures}); {then}."]


def describe_archive(state: State) -> list[str]:
    archived = state["archived"]
    if archived.experiment:
        lines = ["An experiment: nothing was written to the conversation or the archive."]
    elif state["turn"].private:
        lines = ["A private turn: nothing was written."]
    else:
        places = {"the archive (L3)": archived.episode, "the conversation (L2)": archived.conversation}
        new = " and ".join(place for place, is_new in places.items() if is_new)
        present = " and ".join(place for place, is_new in places.items() if not is_new)
        written = f"Written to {new}." if new else ""
        lines = [f"{written} It was already in {present}.".strip() if present else written]
    shown = state["allocation"].recalled
    if idle := sum(one.turn_id in shown for one in state.get("unused", ())):
        lines.append(f"{quantity(idle, 'memory', 'memories')} shown and not used.")
    if down := tiers_down(state):
        lines.append(f"Unavailable in this turn: {', '.join(down)}.")
    return lines


def _memory_line(what: str, memory: ExplainedMemory) -> str:
    """Describe a memory: why it was kept or cut, its text, and why it scored as it did."""
    judged, evidence = memory.decision, memory.decision.evidence
    how = _FOUND.get(judged.mechanism, judged.mechanism)
    if evidence.cosine is not None:
        how += f", similarity {evidence.cosine:.2f}"
    if evidence.standing is not None:
        how += f", {evidence.standing:+.1f} deviations from what is usual here"
    dated = f"{memory.at.date()} " if memory.at else ""
    how += f", {evidence.coverage:.0%} of the words"
    return f"{what}, {reason(judged)}: {dated}{snippet(memory.text)}; {how}"


def reason(decision: Decision) -> str:
    """Say why a memory was kept or cut, with score and threshold or its tokens."""
    if decision.rule == DecisionRule.BUDGET:
        return f"{rule_words(decision)} for its {quantity(decision.tokens, 'token')}"
    return explain_decision(decision, " ")


def snippet(text: str) -> str:
    """Quote the beginning of a text."""
    return f"“{_one_line(text, _SNIPPET)}”"


def _one_line(text: str, most: int) -> str:
    flat = " ".join(text[: most * 4].split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def quantity(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun in singular or plural."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


DESCRIBERS: Mapping[str, tuple[str, Callable[[State], list[str]]]] = {
    "prefetch": ("recall", describe_prefetch),
    "identity": ("persona", describe_identity),
    "facts": ("fact_sheet", describe_facts),
    "working": ("conversation", describe_working),
    "gap_filter": ("decisions", describe_gap_filter),
    "budget": ("allocation", describe_budget),
    "assemble": ("prompt", describe_assemble),
    "respond": ("", describe_respond),
    "tools": ("results", describe_tools),
    "ground": ("grounding", describe_ground),
    "archive": ("archived", describe_archive),
}
"""By node: the key that its update must have, and the function that describes it."""


def describe_node(node: str, state: Mapping[str, Any], update: Mapping[str, Any]) -> list[str]:
    """Describe a node's run in a few lines, from its input state and its update; empty for unknown nodes."""
    key, describe = DESCRIBERS.get(node, ("", None))
    if describe is None or not update or (key and key not in update):
        return []
    return [_one_line(text, LONGEST_LINE) for text in describe(cast("State", {**state, **update}))]
