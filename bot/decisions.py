"""What became of the memories that were found for a turn, as any front end tells it."""

from collections.abc import Sequence
from dataclasses import dataclass

from graph.rounds import grounding_of
from graph.state import Allocation, State
from memory.models import Candidate, Decision


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate with the last word on it."""

    number: int
    """Its place, from 1."""
    candidate: Candidate
    decision: Decision


def judged(state: State) -> list[Judged]:
    """Return what was decided, the kept ones first, numbered alike wherever it is shown.

    The budget may have cut what the gap filter kept.
    """
    by_id = {candidate.turn_id: candidate for candidate in state["recall"].candidates}
    last = final(state["decisions"], state["allocation"])
    ordered = [d for d in last if d.kept] + [d for d in last if not d.kept]
    return [Judged(number, by_id[d.turn_id], d) for number, d in enumerate(ordered, start=1)]


def final(decisions: Sequence[Decision], allocation: Allocation) -> list[Decision]:
    """Return each candidate's last word, in the order of `decisions`."""
    later = {decision.turn_id: decision for decision in allocation.over_budget}
    return [later.get(decision.turn_id, decision) for decision in decisions]


def unsupported(state: State) -> tuple[Sequence[str], bool]:
    """Return the figures of the reply that stood nowhere, and whether it was corrected."""
    grounding = grounding_of(state)
    return grounding.unsupported, grounding.corrected


def problems(state: State) -> list[str]:
    """Return what went wrong on the way to the memories, the character and the facts."""
    reports = state["recall"].reports.items()
    found = [f"{name}: {report.status}. {report.problem}" for name, report in reports if report.problem]
    found += [state["persona"].problem, state["fact_sheet"].problem]
    found += [state["calibration"].problem] if "calibration" in state else []
    return [problem for problem in found if problem]
