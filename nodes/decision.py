"""Decide again what memory a turn is shown, from values alone: for a replay, for labels and for settings."""

from graph.settings.context import TurnContext
from graph.state.turn_state import State
from memory.recall.relevance import Calibration
from nodes.budget import BudgetInputs, allocate
from nodes.gap_filter import filter_candidates


def decide(
    state: State, context: TurnContext, inputs: BudgetInputs, calibration: Calibration | None = None
) -> State:
    """Return the state as `gap_filter` and `budget` leave it, which decide by the same functions."""
    filtered: State = {**state, "decisions": filter_candidates(state, context, calibration)}
    return {**filtered, "allocation": allocate(filtered, context, inputs)}
