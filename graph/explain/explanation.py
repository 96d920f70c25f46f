"""The explanation of a finished turn: searches, decisions with their reasons, token shares, problems."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from graph.exchange import Fitting, Grounding, ToolResult
from graph.model.tool_rounds import fitting_of, grounding_of, results_of
from graph.state.recall import join_evidence, last_decisions
from graph.state.turn_state import Recall, State
from memory.models import Candidate, Decision, DecisionRule, Episode, SearchReport, SearchStatus
from memory.observation.observation import Judged, Observation, Shares
from memory.prompt.window import Space

SENTENCES = {
    "window": "The model holds {window:,} tokens: {reply:,} are kept for the reply, {tools:,} go to tools "
    "({count}).",
    "withheld": "No room for these tools: {names}.",
    "fixed": "Identity and facts are shown in part: {shown:,} of {whole:,} tokens.",
    "message": "The message is shown in part: {shown:,} of {whole:,} tokens.",
    "refused": "The model refused the prompt as too long; it was cut and sent again (times: {times}).",
    "outputs": "Tool results were shortened to {cap:,} characters each.",
    "withdrawn": "No more tools were offered: there was no room for their results.",
}
"""English sentences by key; front ends in other languages have their own."""
Note = tuple[str, Mapping[str, int | str]]
"""A key of `SENTENCES` and its values by name."""
RULES: Mapping[str, str] = {
    DecisionRule.CALL: "the message calls for it",
    DecisionRule.NO_CALL: "the message calls for no memory",
    DecisionRule.WEAKER: "others answer better",
    DecisionRule.FURTHER: "three others answer better",
    DecisionRule.SPEAKER: "said in the group by the person asked about",
    DecisionRule.COMPLEMENT: "answers the other half of the message",
    DecisionRule.CARRIED: "shown in the last turn and asked about again",
    DecisionRule.NEWER: "replaces an outdated memory",
    DecisionRule.CALIBRATED: "probability",
    DecisionRule.BREAK: "the list breaks before it",
    DecisionRule.NULL: "share of null turns",
    DecisionRule.RATIO: "gap ratio",
    DecisionRule.FEW: "distance",
    DecisionRule.KEY: "has the message's identifier",
    DecisionRule.TIME: "said in the time the message names",
    "time_cut": "outside the time the message names",
    DecisionRule.SMALL_TALK: "small talk",
    DecisionRule.DUPLICATE: "said again later",
    DecisionRule.FACT: "already among the facts",
    DecisionRule.UNUSED: "shown lately and not used",
    DecisionRule.ECHO: "already in the conversation",
    DecisionRule.BUDGET: "no room",
}
"""Words for each rule, by the name that `rule_of` returns."""
_MEASURED = {
    DecisionRule.CALL: "≥",
    DecisionRule.NO_CALL: "≥",
    DecisionRule.WEAKER: "≥",
    DecisionRule.CALIBRATED: "≥",
    DecisionRule.NULL: ">",
    DecisionRule.RATIO: "≥",
    DecisionRule.FEW: "≤",
}
"""How a kept score compares with its threshold."""
_OTHERWISE = {">": "≤", "≥": "<", "≤": ">"}


@dataclass(frozen=True, slots=True)
class ExplainedMemory:
    """A memory that the search found, with the last decision on it."""

    number: int
    """From 1; the same in every front end."""
    decision: Judged
    at: datetime | None
    """None when the archive no longer has it; `text` is empty then."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that a front end shows about how a turn recalled its memories."""

    memories: Sequence[ExplainedMemory]
    """The kept ones first."""
    shares: Shares
    searches: Mapping[str, SearchReport]
    """By mechanism."""
    message: str
    expanded: str
    """The text searched for when the message means little alone; otherwise empty."""
    time: str
    """The words in the message that name a past time."""
    keys: Sequence[str]
    problems: Sequence[str]
    window: Sequence[Note]
    """How the turn was fitted into the model's context window; empty when its size is unknown."""
    results: Sequence[ToolResult]
    grounding: Grounding


def explain(state: State) -> Explanation | None:
    """Explain a turn from its state; None before the budget is allocated."""
    if "allocation" not in state:
        return None
    recall, allocation = state["recall"], state["allocation"]
    return Explanation(
        memories=explain_found(last_decisions(state["decisions"], allocation), recall),
        shares=allocation,
        searches=recall.reports,
        message=state["turn"].said,
        expanded=recall.expanded,
        time=recall.times.text if recall.times else "",
        keys=recall.keys,
        problems=_problems(state),
        window=[*space_notes(allocation.space), *fitting_notes(fitting_of(state))],
        results=results_of(state),
        grounding=grounding_of(state),
    )


def explain_observed(seen: Observation, turn: Episode, found: Sequence[Episode]) -> Explanation:
    """Explain an earlier turn from its observation; `found` are the episodes that its decisions name."""
    return Explanation(
        memories=explain_decisions(seen.decisions, {episode.turn_id: episode for episode in found}),
        shares=seen.shares,
        searches=seen.searches,
        message=turn.said,
        expanded="",
        time="",
        keys=(),
        problems=(),
        window=(),
        results=(),
        grounding=Grounding(turn_id=turn.turn_id),
    )


def explain_found(decisions: Iterable[Decision], recall: Recall) -> list[ExplainedMemory]:
    """Join a turn's decisions with the memories of its search, kept ones first."""
    return explain_decisions(join_evidence(decisions, recall), {c.turn_id: c for c in recall.candidates})


def explain_decisions(
    decisions: Sequence[Judged], texts: Mapping[str, Candidate] | Mapping[str, Episode]
) -> list[ExplainedMemory]:
    """Join decisions with their memories, kept ones first; `texts` are by turn id."""
    found = []
    for number, one in enumerate(sorted(decisions, key=lambda each: not each.kept), start=1):
        text: Candidate | Episode | None = texts.get(one.turn_id)
        words = (text.said or text.reply) if text else ""
        found.append(ExplainedMemory(number, one, text.at if text else None, words))
    return found


def space_notes(space: Space | None) -> Iterator[Note]:
    """Yield how the window was divided before the model call, and what was cut to fit."""
    if space is None:
        return
    shares = {"window": space.window, "reply": space.reply, "tools": space.tools}
    yield "window", {**shares, "count": len(space.offered)}
    if space.withheld:
        yield "withheld", {"names": ", ".join(space.withheld)}
    if space.fixed < space.fixed_whole:
        yield "fixed", {"shown": space.fixed, "whole": space.fixed_whole}
    if space.message < space.message_whole:
        yield "message", {"shown": space.message, "whole": space.message_whole}


def fitting_notes(fitting: Fitting) -> Iterator[Note]:
    """Yield what was cut during the model calls."""
    if fitting.refused:
        yield "refused", {"times": fitting.refused}
    if fitting.cap:
        yield "outputs", {"cap": fitting.cap}
    if fitting.withdrawn:
        yield "withdrawn", {}


def in_english(notes: Iterator[Note] | Sequence[Note]) -> list[str]:
    """Return notes as sentences."""
    return [SENTENCES[key].format(**values) for key, values in notes]


def _problems(state: State) -> list[str]:
    """Return the problems of recall, persona, facts and calibration."""
    reports = state["recall"].reports.items()
    found = [f"{name}: {report.status}. {report.problem}" for name, report in reports if report.problem]
    found += [state["persona"].problem, state["fact_sheet"].problem]
    found += [state["calibration"].problem] if "calibration" in state else []
    return [problem for problem in found if problem]


def tiers_down(state: State) -> list[str]:
    """Return the tiers that were down in the turn."""
    down = []
    if any(report.status == SearchStatus.DOWN for report in state["recall"].reports.values()):
        down.append("episodic")
    if state["persona"].problem or state["fact_sheet"].problem:
        down.append("permanent")
    return down


def rule_of(decision: Decision) -> str:
    """Return the deciding rule's key in `RULES`; the time rule has another one for cut memories."""
    return "time_cut" if decision.rule == DecisionRule.TIME and not decision.kept else decision.rule


def rule_words(decision: Decision) -> str:
    """Return the rule in words, noting a superseded memory; an unknown rule by its name."""
    words = RULES.get(rule_of(decision), decision.rule)
    return f"{words}, superseded" if decision.kept and decision.superseded_by else words


def measure(decision: Decision) -> str:
    """Compare score and threshold, as in "0.91 ≥ 0.50"; empty when the rule has no score."""
    if decision.rule not in _MEASURED:
        return ""
    sign = _MEASURED[decision.rule] if decision.kept else _OTHERWISE[_MEASURED[decision.rule]]
    return f"{decision.score:.2f} {sign} {decision.threshold:.2f}"


def explain_decision(decision: Decision, between: str = ": ") -> str:
    """Return the rule in words with its score and threshold."""
    return between.join(part for part in (rule_words(decision), measure(decision)) if part)
