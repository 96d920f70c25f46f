"""Stop signals of a job, and its budget divided among steps."""

import asyncio
from collections.abc import Sequence

from graph.delegation.state import Budget, Share, Spent, Step
from graph.model.model_call import StopSignals

FINAL = ""
"""Turn id of the summariser, which no signal stops."""
_OF = "/"


class JobStops(StopSignals):
    """Stop signals that a job shares with all of its steps."""

    def signal(self, turn_id: str) -> asyncio.Event:
        """Return the event that is set when the job's time is up."""
        return super().signal(turn_id.partition(_OF)[0])


def step_turn_id(turn_id: str, step: str) -> str:
    """Return the turn id of a step."""
    return f"{turn_id}{_OF}{step}"


def divide_budget(
    steps: Sequence[Step], budget: Budget, spent: Spent, *, reserved: int
) -> list[tuple[Step, Share]]:
    """Divide the remaining budget, less `reserved` model calls, among steps that run in parallel.

    Steps beyond the remaining calls are left out, the last ones first.
    """
    calls = budget.calls - spent.calls - reserved
    chosen = steps[: max(0, calls)]
    tools = max(0, budget.tools - spent.tools)
    return [(step, Share(calls=calls // len(chosen), tools=tools // len(chosen))) for step in chosen]
