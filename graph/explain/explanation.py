"""Explain a finished turn: what was found for it, which rule kept or cut each memory, what went wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from graph.exchange import Grounding, ToolResult
from graph.model.tool_rounds import fitting_of, grounding_of, results_of
from graph.state.resolution import join_evidence, last_decisions
from graph.state.turn_state import Fitting, State
from memory.models import Candidate, Episode, SearchReport
from memory.observation.observation import Judged, Shares
from memory.prompt.window import Space

SENTENCES = {
    "window": "The model holds {window:,} tokens: {reply:,} are kept for the reply, {tools:,} go to tools "
    "({count}).",
    "withheld": "No room for these tools: {names}.",
    "fixed": "Identity and facts are shown in part: {shown:,} of {whole:,} tokens.",
    "message": "The message is shown in part: {shown:,} of {whole:,} tokens.",
    "refused": "The model refused the prompt as too long; it was shared anew (times: {times}).",
    "outputs": "What tools gave was shortened to {cap:,} characters each.",
    "withdrawn": "No more tools were offered: there was no room for what they give.",
}
"""By key; front ends in other languages have their own."""
Note = tuple[str, Mapping[str, int | str]]
"""A key of `SENTENCES`, and the values by name."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A memory that was found, with the last decision on it."""

    number: int
    """Its place, from 1, the same in every front end."""
    decision: Judged
    at: datetime | None
    """None when it is no longer in the archive, as its text is empty then."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that a front end shows of how a turn came by its memories."""

    memories: Sequence[Explained]
    """The kept ones first."""
    shares: Shares
    searches: Mapping[str, SearchReport]
    """By mechanism."""
    message: str
    expanded: str
    """The text that was searched for instead of a message that means nothing alone; otherwise empty."""
    time: str
    """The words of the message that name a past time."""
    keys: Sequence[str]
    problems: Sequence[str]
    window: Sequence[Note]
    """How the turn was fitted into the model's context window; empty when no limit is known."""
    results: Sequence[ToolResult]
    grounding: Grounding


def explain(state: State) -> Explanation | None:
    """Explain a turn by its state; None before its budget is shared."""
    if "allocation" not in state:
        return None
    recall, allocation = state["recall"], state["allocation"]
    by_id = {candidate.turn_id: candidate for candidate in recall.candidates}
    space = () if allocation.space is None else space_notes(allocation.space)
    return Explanation(
        memories=explained(join_evidence(last_decisions(state["decisions"], allocation), recall), by_id),
        shares=allocation,
        searches=recall.reports,
        message=state["turn"].said,
        expanded=recall.expanded,
        time=recall.times.text if recall.times else "",
        keys=recall.keys,
        problems=_problems(state),
        window=[*space, *fitting_notes(fitting_of(state))],
        results=results_of(state),
        grounding=grounding_of(state),
    )


def explained(
    decisions: Sequence[Judged], texts: Mapping[str, Candidate] | Mapping[str, Episode]
) -> list[Explained]:
    """Add to each decision what it was on, the kept ones first; `texts` are by turn id."""
    found = []
    for number, one in enumerate(sorted(decisions, key=lambda each: not each.kept), start=1):
        text: Candidate | Episode | None = texts.get(one.turn_id)
        found.append(Explained(number, one, text.at if text else None, _words(text)))
    return found


def space_notes(space: Space) -> Iterator[Note]:
    """Yield how the window was shared before the model was asked, and what had to yield."""
    shares = {"window": space.window, "reply": space.reply, "tools": space.tools}
    yield "window", {**shares, "count": len(space.offered)}
    if space.withheld:
        yield "withheld", {"names": ", ".join(space.withheld)}
    if space.fixed < space.fixed_whole:
        yield "fixed", {"shown": space.fixed, "whole": space.fixed_whole}
    if space.message < space.message_whole:
        yield "message", {"shown": space.message, "whole": space.message_whole}


def fitting_notes(fitting: Fitting) -> Iterator[Note]:
    """Yield what had to yield as the model was asked."""
    if fitting.refused:
        yield "refused", {"times": fitting.refused}
    if fitting.cap:
        yield "outputs", {"cap": fitting.cap}
    if fitting.withdrawn:
        yield "withdrawn", {}


def in_english(notes: Iterator[Note] | Sequence[Note]) -> list[str]:
    """Return notes as sentences."""
    return [SENTENCES[key].format(**values) for key, values in notes]


def _words(text: Candidate | Episode | None) -> str:
    return (text.said or text.reply) if text else ""


def _problems(state: State) -> list[str]:
    """Return the problems of recall, persona, facts and calibration."""
    reports = state["recall"].reports.items()
    found = [f"{name}: {report.status}. {report.problem}" for name, report in reports if report.problem]
    found += [state["persona"].problem, state["fact_sheet"].problem]
    found += [state["calibration"].problem] if "calibration" in state else []
    return [problem for problem in found if problem]
