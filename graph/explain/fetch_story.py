"""The stories of the nodes of the first superstep."""

from graph.explain.short_lines import line, quantity, snippet
from graph.state.turn_state import Conversation, FactSheet, Persona, Recall, State
from memory.models import Mechanism, SearchReport, SearchStatus
from memory.recall.mechanisms import MECHANISMS, Retriever

_FACTS_NAMED = 8
_NOT_SEARCHED = {SearchStatus.LATE: "it was late and was dropped", SearchStatus.DOWN: "the archive is down"}
_HOW = {SearchStatus.CACHED: ", from the session cache", SearchStatus.PARTIAL: ", only in part"}


def describe_prefetch(state: State) -> list[str]:
    """Describe what each mechanism found, or why it did not run."""
    recall = state["recall"]
    thematic = recall.reports.get(Mechanism.THEMATIC, SearchReport(status=SearchStatus.DOWN))
    if why := _NOT_SEARCHED.get(thematic.status):
        lines = [f"Nothing was searched: {why}. {thematic.problem}"]
        return [line(one) for one in lines]
    lines = [f"By meaning and words: {_count(thematic)} in {thematic.milliseconds:.0f} ms{_how(thematic)}."]
    lines += [_by(one, recall) for one in MECHANISMS]
    if recall.expanded:
        lines.append(f"Searched for {snippet(recall.expanded)}, because the message means little alone.")
    if thematic.problem:
        lines.append(f"Problem: {thematic.problem}")
    return [line(one) for one in lines]


def describe_identity(state: State) -> list[str]:
    """Describe the persona: the owner's or the configured one."""
    persona: Persona = state["persona"]
    whose = "The owner's own identity" if persona.overridden else "The configured identity"
    return [line(f"{whose}, {quantity(len(persona.text), 'character')}."), *_down("L0", persona.problem)]


def describe_facts(state: State) -> list[str]:
    """Name the first facts and count them all."""
    sheet: FactSheet = state["fact_sheet"]
    keys = [fact.key for fact in sheet.facts]
    named = ", ".join(keys[:_FACTS_NAMED]) + (", …" if len(keys) > _FACTS_NAMED else "")
    known = f"{quantity(len(keys), 'fact')}: {named}." if keys else "No facts."
    return [line(known), *_down("L1", sheet.problem)]


def describe_working(state: State) -> list[str]:
    """Describe the message and the conversation before it."""
    turn, past = state["turn"], state["conversation"]
    lines = [line(f"{turn.owner}, {turn.at:%Y-%m-%d %H:%M}: {snippet(turn.said)}"), line(_earlier(past))]
    if turn.experiment:
        lines.append("An experiment: memory is read as of the message's time; nothing is written.")
    return lines


def _earlier(past: Conversation) -> str:
    if not past.turns:
        return "The conversation begins here."
    tokens = sum(turn.tokens for turn in past.turns)
    pinned = " and its opening" if past.opening else ""
    count = quantity(len(past.turns), "earlier turn")
    return f"{count} of the conversation{pinned}: {quantity(tokens, 'token')}."


def _count(report: SearchReport) -> str:
    return f"{report.found} found"


def _how(report: SearchReport) -> str:
    return _HOW.get(report.status, "")


def _by(mechanism: type[Retriever], recall: Recall) -> str:
    if (sought := recall.sought.get(mechanism.name)) is None:
        return f"By {mechanism.label}: not searched, {mechanism.absent}."
    report = recall.reports.get(mechanism.name, SearchReport(status=SearchStatus.OK))
    return f"By {mechanism.label}, {sought}: {_count(report)}."


def _down(layer: str, problem: str) -> list[str]:
    return [line(f"{layer} is down: {problem}")] if problem else []
