"""What the nodes of the first superstep fetched."""

from graph.explain.short_lines import counted, day, line, snippet
from graph.state.turn_state import Conversation, FactSheet, Persona, Recall, State, TimeMeant
from memory.models import Mechanism, SearchReport, SearchStatus

_FACTS_NAMED = 8
_NOT_SEARCHED = {
    SearchStatus.LATE: "it was late, and was dropped",
    SearchStatus.DOWN: "the archive is down",
}
_HOW = {SearchStatus.CACHED: ", from the session cache", SearchStatus.PARTIAL: ", not all was searched"}


def tell_prefetch(state: State) -> list[str]:
    """Tell what each of the three mechanisms found, or why it was not called for."""
    recall = state["recall"]
    thematic = recall.reports.get(Mechanism.THEMATIC, SearchReport(status=SearchStatus.DOWN))
    if why := _NOT_SEARCHED.get(thematic.status):
        lines = [f"Nothing was searched: {why}. {thematic.problem}"]
        return [line(one) for one in lines]
    lines = [f"By meaning and words: {_found(thematic)} in {thematic.milliseconds:.0f} ms{_how(thematic)}."]
    lines += [_by_time(recall, recall.times), _by_key(recall)]
    if recall.expanded:
        lines.append(f"Searched for {snippet(recall.expanded)}, since the message means little alone.")
    if thematic.problem:
        lines.append(f"Went wrong: {thematic.problem}")
    return [line(one) for one in lines]


def tell_identity(state: State) -> list[str]:
    """Tell whose character this is."""
    persona: Persona = state["persona"]
    whose = "The owner's own identity" if persona.overridden else "The configured identity"
    return [line(f"{whose}, {counted(len(persona.text), 'character')}."), *_down("L0", persona.problem)]


def tell_facts(state: State) -> list[str]:
    """Tell which facts there are."""
    sheet: FactSheet = state["fact_sheet"]
    keys = [fact.key for fact in sheet.facts]
    named = ", ".join(keys[:_FACTS_NAMED]) + (", …" if len(keys) > _FACTS_NAMED else "")
    told = f"{counted(len(keys), 'fact')}: {named}." if keys else "No facts."
    return [line(told), *_down("L1", sheet.problem)]


def tell_working(state: State) -> list[str]:
    """Tell which turn this is, and what came before it in the thread."""
    turn, past = state["turn"], state["conversation"]
    lines = [line(f"{turn.owner}, {turn.at:%Y-%m-%d %H:%M}: {snippet(turn.said)}"), line(_earlier(past))]
    if turn.experiment:
        lines.append("An experiment: memory is read as it was when the message came; nothing is written.")
    return lines


def _earlier(past: Conversation) -> str:
    if not past.turns:
        return "The conversation begins here."
    tokens = sum(turn.tokens for turn in past.turns)
    pinned = ", and its opening" if past.opening else ""
    return (
        f"{counted(len(past.turns), 'earlier turn')} of the conversation{pinned}: {counted(tokens, 'token')}."
    )


def _found(report: SearchReport) -> str:
    return f"{report.found} found"


def _how(report: SearchReport) -> str:
    return _HOW.get(report.status, "")


def _by_time(recall: Recall, meant: TimeMeant | None) -> str:
    if meant is None:
        return "By time: not called for, the message names no past time."
    report = recall.reports.get(Mechanism.TEMPORAL, SearchReport(status=SearchStatus.OK))
    return f"By time, {snippet(meant.text)} from {day(meant.start)} to {day(meant.end)}: {_found(report)}."


def _by_key(recall: Recall) -> str:
    if not recall.keys:
        return "By key: not called for, the message holds no identifier."
    report = recall.reports.get(Mechanism.KEY, SearchReport(status=SearchStatus.OK))
    return f"By key, {_found(report)}: {', '.join(list(recall.keys)[:4])}."


def _down(layer: str, problem: str) -> list[str]:
    return [line(f"{layer} is down: {problem}")] if problem else []
