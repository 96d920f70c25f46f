"""Each node's caption in the drawn graph, and the story of its run: a few short lines."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from graph.exchange import ToolResult
from graph.explain.explanation import fitting_notes, in_english, tiers_down
from graph.explain.memory_story import (
    describe_assemble,
    describe_budget,
    describe_facts,
    describe_gap_filter,
    describe_identity,
    describe_prefetch,
    describe_working,
    quantity,
    snippet,
)
from graph.model.tool_rounds import exchange_of, fitting_of, grounding_of
from graph.state.circumstances import has_reply
from graph.state.reducers import LONGEST_LINE
from graph.state.turn_state import State
from memory.models import Outcome
from memory.recall.mechanisms import MECHANISMS

Describer = Callable[[State], list[str]]
_FIGURES = 6
CAPTIONS: Mapping[str, Mapping[str, str]] = {
    "prefetch": {
        "does": "search the memory (L3)",
        "thematic": "by meaning and words, always",
        **{one.name.value: one.caption for one in MECHANISMS},
    },
    "identity": {"does": "read who the agent is (L0)"},
    "facts": {"does": "read the facts (L1)"},
    "working": {"does": "read the conversation (L2)"},
    "gap_filter": {"does": "keep what is relevant"},
    "budget": {"does": "divide the token budget"},
    "assemble": {"does": "write the prompt"},
    "respond": {"does": "ask the model"},
    "tools": {"does": "run one call"},
    "ground": {"does": "check the figures"},
    "archive": {"does": "save the turn"},
}


def describe_respond(state: State) -> list[str]:
    """Describe the model's answer: tool calls or the reply."""
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


def describe_tools(results: Sequence[ToolResult]) -> list[str]:
    """Describe the result of each call."""
    lines = []
    for one in results:
        shown = snippet(one.output)
        if one.ok:
            size = quantity(len(one.output), "character")
            shown = f"{size} in {one.milliseconds:.0f} ms: {shown}"
        elif one.milliseconds:
            shown = f"failed: {shown}"
        lines.append(f"{one.name}: {shown}")
    return lines


def describe_ground(state: State) -> list[str]:
    """Name the reply's figures that no source supports."""
    found = grounding_of(state)
    if not found.unsupported:
        return ["Every figure in the reply has a source in what the model was shown."]
    figures = ", ".join(list(found.unsupported)[:_FIGURES])
    then = "it was rewritten" if found.corrected else f"it was kept: {found.problem}"
    return [f"The reply had {quantity(len(found.unsupported), 'unsupported figure')} ({figures}); {then}."]


def describe_archive(state: State) -> list[str]:
    """Describe what was written where, unused memories and missing tiers."""
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


DESCRIBERS: Mapping[str, tuple[str, Describer]] = {
    "prefetch": ("recall", describe_prefetch),
    "identity": ("persona", describe_identity),
    "facts": ("fact_sheet", describe_facts),
    "working": ("conversation", describe_working),
    "gap_filter": ("decisions", describe_gap_filter),
    "budget": ("allocation", describe_budget),
    "assemble": ("prompt", describe_assemble),
    "respond": ("", describe_respond),
    "ground": ("grounding", describe_ground),
    "archive": ("archived", describe_archive),
}
"""By node: the key that its update must have, and the function that describes it."""


def describe_node(node: str, state: Mapping[str, Any], update: Mapping[str, Any]) -> list[str]:
    """Describe a node's run in a few lines, from its input state and its update; empty for unknown nodes."""
    if node == "tools":
        texts = describe_tools(update.get("results", ()))
    else:
        key, describe = DESCRIBERS.get(node, ("", None))
        if describe is None or not update or (key and key not in update):
            return []
        texts = describe(cast("State", {**state, **update}))
    flat = [" ".join(text[: LONGEST_LINE * 4].split()) for text in texts]
    return [line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…" for line in flat]
