"""How the turn was answered, and what was written of it."""

from collections.abc import Sequence

from graph.exchange import ToolResult
from graph.explain.explanation import fitting_notes, in_english
from graph.explain.short_lines import counted, line, snippet
from graph.explain.turn_observation import tiers_down
from graph.model.tool_rounds import exchange_of, fitting_of, grounding_of
from graph.state.turn_state import Archived, Reply, State
from memory.models import Outcome

_FIGURES = 6


def tell_respond(state: State) -> list[str]:
    """Tell what the model was asked and what it gave: calls of tools, or the reply."""
    rounds, reply, fitting = exchange_of(state).rounds, state.get("reply"), fitting_of(state)
    told = [line(one) for one in in_english(fitting_notes(fitting))]
    if fitting.again:
        return told
    if reply is not None and state["messages"] and state["messages"][-1].type == "ai":
        return [line(_replied(reply)), *told]
    if not rounds:
        return []
    names = ", ".join(call.name for call in rounds[-1].calls)
    return [line(f"Round {len(rounds)}: the model asks for {names}."), *told]


def tell_tools(results: Sequence[ToolResult]) -> list[str]:
    """Tell what became of each call."""
    return [line(f"{one.name}: {_became(one)}") for one in results]


def tell_ground(state: State) -> list[str]:
    """Tell which figures of the reply stood in nothing that the model was shown."""
    found = grounding_of(state)
    if not found.unsupported:
        return ["Every figure of the reply stands in what the model was shown."]
    figures = ", ".join(list(found.unsupported)[:_FIGURES])
    then = "it was written anew" if found.corrected else f"it stays as it was: {found.problem}"
    return [
        line(f"{counted(len(found.unsupported), 'figure')} of the reply stood nowhere ({figures}): {then}.")
    ]


def tell_archive(state: State) -> list[str]:
    """Tell what was written where, and what the turn had to do without."""
    lines = [_written(state["archived"], private=state["turn"].private)]
    if in_vain := sum(one.turn_id in _shown(state) for one in state.get("unused", ())):
        lines.append(f"{counted(in_vain, 'memory', 'memories')} shown and not made use of.")
    if down := tiers_down(state):
        lines.append(f"The turn went without: {', '.join(down)}.")
    return [line(one) for one in lines]


def _shown(state: State) -> set[str]:
    return set(state["allocation"].recalled)


def _replied(reply: Reply) -> str:
    if reply.outcome is Outcome.RECALLED:
        return "No model is configured: the reply shows what was recalled."
    by = f", by {reply.model} in {reply.seconds:.1f} s" if reply.model else ""
    problem = f" {reply.problem}" if reply.problem else ""
    size = counted(len(reply.text), "character")
    return f"{reply.outcome.value.capitalize()}{by}, {size}: {snippet(reply.text)}{problem}"


def _became(result: ToolResult) -> str:
    size = counted(len(result.output), "character")
    if result.ok:
        return f"{size} in {result.milliseconds:.0f} ms: {snippet(result.output)}"
    return snippet(result.output) if not result.milliseconds else f"failed: {snippet(result.output)}"


def _written(archived: Archived, *, private: bool) -> str:
    if archived.experiment:
        return "An experiment: nothing was written to the conversation or the archive."
    if private:
        return "A private turn: nothing was written."
    places = {"the archive (L3)": archived.episode, "the conversation (L2)": archived.conversation}
    new = " and ".join(place for place, is_new in places.items() if is_new)
    stood = " and ".join(place for place, is_new in places.items() if not is_new)
    told = f"Written to {new}." if new else ""
    return f"{told} It stood already in {stood}.".strip() if stood else told
