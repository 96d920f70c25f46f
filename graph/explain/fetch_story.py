"""The stories of the nodes of the first superstep."""

from graph.explain.short_lines import day, line, quantity, snippet
from graph.state.turn_state import Conversation, FactSheet, Persona, Recall, State, TimeMeant
from memory.models import Mechanism, SearchReport, SearchStatus

_FACTS_NAMED = 8
_NOT_SEARCHED = {SearchStatus.LATE: "it was late and was dropped", SearchStatus.DOWN: "the archive is down"}
_HOW = {SearchStatus.CACHED: ", from the session cache", SearchStatus.PARTIAL: ", only in part"}


def describe_prefetch(state: State) -> list[str]:
    """Describe what each of the three mechanisms found, or why it did not run."""
    recall = state["recall"]
    thematic = recall.reports.get(Mechanism.THEMATIC, SearchReport(status=SearchStatus.DOWN))
    if why := _NOT_SEARCHED.get(thematic.status):
        lines = [f"Nothing was searched: {why}. {thematic.problem}"]
        return [line(one) for one in lines]
    lines = [f"By meaning and words: {_count(thematic)} in {thematic.milliseconds:.0f} ms{_how(thematic)}."]
    lines += [_by_time(recall, recall.times), _by_key(recall)]
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


def _by_time(recall: Recall, meant: TimeMeant | None) -> str:
    if meant is None:
        return "By time: not searched, the message names no past time."
    report = recall.reports.get(Mechanism.TEMPORAL, SearchReport(status=SearchStatus.OK))
    return f"By time, {snippet(meant.text)} from {day(meant.start)} to {day(meant.end)}: {_count(report)}."


def _by_key(recall: Recall) -> str:
    if not recall.keys:
        return "By key: not searched, the message has no identifier."
    report = recall.reports.get(Mechanism.KEY, SearchReport(status=SearchStatus.OK))
    return f"By key, {_count(report)}: {', '.join(list(recall.keys)[:4])}."


def _down(layer: str, problem: str) -> list[str]:
    return [line(f"{layer} is down: {problem}")] if problem else []
