"""Who may spend what of a job's budget."""

import asyncio
from collections.abc import Sequence

from graph.delegation.state import Budget, Share, Spent, Step
from graph.model.model_call import StopSignals

FINAL = ""
"""What stops the summariser: nothing."""
_OF = "/"


class JobStops(StopSignals):
    """The end of a job's time, which all of its steps hear."""

    def signal(self, turn_id: str) -> asyncio.Event:
        """Return the event that is set when the time of the job is up."""
        return super().signal(turn_id.partition(_OF)[0])


def step_turn_id(turn_id: str, step: str) -> str:
    """Return what names a step among the turns."""
    return f"{turn_id}{_OF}{step}"


def allotted(
    steps: Sequence[Step], budget: Budget, spent: Spent, *, reserved: int
) -> list[tuple[Step, Share]]:
    """Divide what is left among steps that run at once, but for `reserved` calls of the model.

    Steps for which there is nothing left are left out, the last ones first.
    """
    calls = budget.calls - spent.calls - reserved
    chosen = steps[: max(0, calls)]
    tools = max(0, budget.tools - spent.tools)
    return [(step, Share(calls=calls // len(chosen), tools=tools // len(chosen))) for step in chosen]
