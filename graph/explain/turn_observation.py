"""The observation of a finished turn: figures on its searches, decisions, tokens and times."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import tzinfo
from typing import Any, TypeVar

from graph.model.tool_rounds import exchange_of, grounding_of, results_of
from graph.settings.context import TurnContext
from graph.state.recall import join_evidence, last_decisions
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

PARALLEL_NODES = frozenset({"prefetch", "identity", "facts", "working"})
"""Nodes that run in one superstep: the turn waits for the slowest."""
_TOOL_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_PROBLEM_CHARS = 200
Rounded = TypeVar("Rounded", Shares, Judged, Evidence)


def observe(
    state: State, context: TurnContext, timings: Mapping[str, float], zone: tzinfo | None = None
) -> Observation:
    """Return a turn's observation, which is stored next to its text.

    Args:
        state: of an answered turn, which must not be private.
        context: of its last run; for thresholds that are not in the state.
        timings: milliseconds by node.
        zone: the user's time zone; None leaves it empty.
    """
    turn, reply, recall, allocation = state["turn"], state["reply"], state["recall"], state["allocation"]
    conversation, grounding = state["conversation"], grounding_of(state)
    return Observation(
        turn_id=turn.turn_id,
        owner=turn.owner,
        thread=turn.thread,
        at=turn.at,
        outcome=reply.outcome,
        shares=shares_of(allocation),
        stages={name: round(milliseconds, 1) for name, milliseconds in timings.items()},
        milliseconds=round(elapsed_milliseconds(timings), 1),
        searches={name: _rounded_report(report) for name, report in recall.reports.items()},
        keys_meant=bool(recall.keys),
        time_meant=recall.times is not None,
        expanded=bool(recall.expanded),
        candidates=len(recall.candidates),
        relevant=sum(decision.kept for decision in state["decisions"]),
        used=len(allocation.recalled),
        decisions=rounded_decisions(state["decisions"], allocation, recall),
        tiers_down=tiers_down(state),
        model=reply.model,
        model_seconds=round(reply.seconds, 3),
        calls=_calls(state),
        rounds=len(exchange_of(state).rounds),
        grounding=RecordedGrounding(unsupported=len(grounding.unsupported), corrected=grounding.corrected),
        thresholds={**context.plain(), **state.get("thresholds", {})},
        asked_at=recall.asked_at,
        seen=recall.seen,
        model_of_vectors=recall.query.model,
        facts=[mark_of_fact(fact.key, fact.value, fact.at) for fact in state["fact_sheet"].facts],
        last_turn=conversation.turns[-1].turn_id if conversation.turns else "",
        opening=conversation.opening.turn_id if conversation.opening else "",
        zone=str(zone or ""),
    )


def elapsed_milliseconds(timings: Mapping[str, float]) -> float:
    """Return the milliseconds that the turn's nodes took, without pauses between them."""
    together = max((timings[name] for name in PARALLEL_NODES if name in timings), default=0.0)
    return together + sum(
        milliseconds for name, milliseconds in timings.items() if name not in PARALLEL_NODES
    )


def tiers_down(state: State) -> list[str]:
    """Return the tiers that were down in the turn."""
    down = []
    if any(report.status == SearchStatus.DOWN for report in state["recall"].reports.values()):
        down.append("episodic")
    if state["persona"].problem or state["fact_sheet"].problem:
        down.append("permanent")
    return down


def _rounded_report(report: SearchReport) -> SearchReport:
    milliseconds, problem = round(report.milliseconds, 1), report.problem[:_PROBLEM_CHARS]
    return replace(report, milliseconds=milliseconds, problem=problem)


def shares_of(allocation: Allocation) -> Shares:
    """Return the token shares of an allocation, rounded."""
    return _rounded(Shares(**{field.name: getattr(allocation, field.name) for field in fields(Shares)}))


def rounded_decisions(decisions: Sequence[Decision], allocation: Allocation, recall: Recall) -> list[Judged]:
    """Return the last decision on each candidate, rounded for storage."""
    found = join_evidence(last_decisions(decisions, allocation), recall)
    return [_rounded(replace(one, evidence=_rounded(one.evidence))) for one in found]


def _rounded(value: Rounded) -> Rounded:
    values = {field.name: getattr(value, field.name) for field in fields(value)}
    shorter: dict[str, Any] = {n: round(v, DIGITS) for n, v in values.items() if isinstance(v, float)}
    return replace(value, **shorter)


def _calls(state: State) -> list[RecordedCall]:
    """Return the tools called; a name that could be any text made up by a model becomes "unknown"."""
    return [
        RecordedCall(
            name=result.name if _TOOL_NAME.fullmatch(result.name) else "unknown",
            ok=result.ok,
            milliseconds=round(result.milliseconds, 1),
        )
        for result in results_of(state)
    ]
