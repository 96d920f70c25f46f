"""Observe a finished turn: what was found, kept, spent and spared, in numbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import tzinfo
from typing import Any, TypeVar

from graph.model.tool_rounds import exchange_of, grounding_of, results_of
from graph.settings.context import TurnContext
from graph.state.resolution import join_evidence, last_decisions
from graph.state.turn_state import Allocation, Recall, State
from memory.models import Decision, Evidence, SearchReport, SearchStatus
from memory.observation.observation import (
    DIGITS,
    Judged,
    Observation,
    RecordedCall,
    RecordedGrounding,
    Shares,
    mark_of_fact,
)

AT_ONCE = frozenset({"prefetch", "identity", "facts", "working"})
"""Nodes that run in one superstep: the longest of them is what the turn waits for."""
_TOOL_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_PROBLEM_CHARS = 200
Written = TypeVar("Written", Shares, Judged, Evidence)


def observe(
    state: State, context: TurnContext, timings: Mapping[str, float], zone: tzinfo | None = None
) -> Observation:
    """Return what is kept of a turn beside its words.

    Args:
        state: of a turn that is answered; a private one must not be observed.
        context: what it was run with, last of all; what it was decided by stands in the state.
        timings: milliseconds by node.
        zone: of the user; None: not noted.
    """
    turn, reply, recall, allocation = state["turn"], state["reply"], state["recall"], state["allocation"]
    conversation = state["conversation"]
    return Observation(
        turn_id=turn.turn_id,
        owner=turn.owner,
        thread=turn.thread,
        at=turn.at,
        outcome=reply.outcome,
        shares=shares_of(allocation),
        stages={name: round(milliseconds, 1) for name, milliseconds in timings.items()},
        milliseconds=round(waited(timings), 1),
        searches={name: _searched(report) for name, report in recall.reports.items()},
        keys_meant=bool(recall.keys),
        time_meant=recall.times is not None,
        expanded=bool(recall.expanded),
        candidates=len(recall.candidates),
        relevant=sum(decision.kept for decision in state["decisions"]),
        used=len(allocation.recalled),
        decisions=judgements(state["decisions"], allocation, recall),
        tiers_down=tiers_down(state),
        model=reply.model,
        model_seconds=round(reply.seconds, 3),
        calls=_calls(state),
        rounds=len(exchange_of(state).rounds),
        grounding=_grounded(state),
        thresholds=state.get("thresholds") or context.plain(),
        asked_at=recall.asked_at,
        seen=recall.seen,
        model_of_vectors=recall.query.model,
        facts=[mark_of_fact(fact.key, fact.value, fact.at) for fact in state["fact_sheet"].facts],
        last_turn=conversation.turns[-1].turn_id if conversation.turns else "",
        opening=conversation.opening.turn_id if conversation.opening else "",
        zone=str(zone or ""),
    )


def waited(timings: Mapping[str, float]) -> float:
    """Return the milliseconds from the turn's first node to its last, without pauses between."""
    together = max((timings[name] for name in AT_ONCE if name in timings), default=0.0)
    return together + sum(milliseconds for name, milliseconds in timings.items() if name not in AT_ONCE)


def tiers_down(state: State) -> list[str]:
    """Return the tiers that the turn had to do without."""
    down = []
    if any(report.status == SearchStatus.DOWN for report in state["recall"].reports.values()):
        down.append("episodic")
    if state["persona"].problem or state["fact_sheet"].problem:
        down.append("permanent")
    return down


def _searched(report: SearchReport) -> SearchReport:
    milliseconds, problem = round(report.milliseconds, 1), report.problem[:_PROBLEM_CHARS]
    return replace(report, milliseconds=milliseconds, problem=problem)


def shares_of(allocation: Allocation) -> Shares:
    """Return how the prompt was shared."""
    return _rounded(Shares(**{field.name: getattr(allocation, field.name) for field in fields(Shares)}))


def judgements(decisions: Sequence[Decision], allocation: Allocation, recall: Recall) -> list[Judged]:
    """Return the last decision on each candidate, as it is written down."""
    found = join_evidence(last_decisions(decisions, allocation), recall)
    return [_rounded(replace(one, evidence=_rounded(one.evidence))) for one in found]


def _rounded(value: Written) -> Written:
    values = {field.name: getattr(value, field.name) for field in fields(value)}
    shorter: dict[str, Any] = {n: round(v, DIGITS) for n, v in values.items() if isinstance(v, float)}
    return replace(value, **shorter)


def _calls(state: State) -> list[RecordedCall]:
    """Return the tools that were called; a name that a model made up may be anything, and is left out."""
    return [
        RecordedCall(
            name=result.name if _TOOL_NAME.fullmatch(result.name) else "unknown",
            ok=result.ok,
            milliseconds=round(result.milliseconds, 1),
        )
        for result in results_of(state)
    ]


def _grounded(state: State) -> RecordedGrounding:
    grounding = grounding_of(state)
    return RecordedGrounding(unsupported=len(grounding.unsupported), corrected=grounding.corrected)
