"""The memories of a past turn to label: all that the compared settings may show."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from graph.settings.context import TurnContext
from graph.state.turn_state import State
from memory.models import Decision
from memory.recall.gap_rules import GapRule
from memory.recall.relevance import Calibration
from memory.tuning.tuning_result import Value
from nodes.gap_filter import filter_candidates

OFFERED = 5
"""The most probable memories of a turn are always labelled, since a calibration learns from them."""
MOST_OFFERED = 12
"""Maximum number of labelled memories of a turn; others count for no setting."""
GRID: Mapping[str, Sequence[Value]] = {
    "gap_threshold": (0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95),
    "gap_break": (1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
}
"""Thresholds that can all be evaluated on one replay."""
_LEAST = min(value for value in GRID["gap_threshold"] if isinstance(value, float))
_UNBROKEN = 100.0


def offer_memories(state: State, context: TurnContext, calibration: Calibration | None) -> list[Decision]:
    """Return what the settings in force or a point of the grid would show, plus the most probable others.

    Ordered by probability, highest first.
    """
    every = _kept(state, _wide(context, 0.0), calibration)
    found = dict[str, Decision]()
    for some in (_kept(state, context, calibration), *_cuts(state, context, calibration, every)):
        found |= {decision.turn_id: decision for decision in some if decision.turn_id not in found}
    found |= {decision.turn_id: decision for decision in every[:OFFERED] if decision.turn_id not in found}
    return _by_probability(found.values())[:MOST_OFFERED]


def _cuts(
    state: State, context: TurnContext, calibration: Calibration | None, every: Sequence[Decision]
) -> Iterator[list[Decision]]:
    """Yield what is kept at each minimum probability: the grid's threshold and break have no other effect.

    A shorter list may keep what a longer one drops, such as a memory that a later one repeats.
    """
    for least in sorted({_LEAST, *(one.probability for one in every if one.probability > _LEAST)}):
        yield _kept(state, _wide(context, least), calibration)


def _wide(context: TurnContext, threshold: float) -> TurnContext:
    return context.model_copy(
        update={"gap_rule": GapRule.CALIBRATED, "gap_threshold": threshold, "gap_break": _UNBROKEN}
    )


def _kept(state: State, context: TurnContext, calibration: Calibration | None) -> list[Decision]:
    return _by_probability(one for one in filter_candidates(state, context, calibration) if one.kept)


def _by_probability(decisions: Iterable[Decision]) -> list[Decision]:
    return sorted(decisions, key=lambda decision: decision.probability, reverse=True)
