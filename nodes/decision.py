"""The turn's decisions as a pure function, for replay, labelling and tuning."""

from graph.settings.context import TurnContext
from graph.state.turn_state import State
from memory.recall.relevance import Calibration
from nodes.budget import BudgetInputs, allocate
from nodes.gap_filter import filter_candidates


def decide(
    state: State, context: TurnContext, inputs: BudgetInputs, calibration: Calibration | None = None
) -> State:
    """Return the state after `gap_filter` and `budget`, which use the same functions."""
    filtered: State = {**state, "decisions": filter_candidates(state, context, calibration)}
    return {**filtered, "allocation": allocate(filtered, context, inputs)}
