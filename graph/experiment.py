"""Runs of which nothing is written: to see what another setting would have done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from langgraph.runtime import Runtime

from graph.context import Experiment, TurnContext
from graph.exchange import ToolResult
from graph.lineage import Branch, Lineage
from graph.state import Turn


@dataclass(frozen=True, slots=True)
class Experiments:
    """Say whether a run is an experiment: it was asked for, or the run goes back to a past turn."""

    lineage: Lineage | None = None
    """Without one, no run is taken for a fork."""

    async def __call__(
        self, turn: Turn, runtime: Runtime[TurnContext], results: Sequence[ToolResult] = ()
    ) -> bool:
        """Say so of the run of a turn; what its calls noted holds where its first checkpoints are gone."""
        if runtime.context.experiment is not Experiment.FORKS:
            return runtime.context.experiment is Experiment.ON
        return is_marked(turn, results) or (not turn.private and (await self._branch(runtime)).fork)

    async def beginning(self, runtime: Runtime[TurnContext]) -> tuple[bool, datetime | None]:
        """Say so for the first nodes of a turn, and when the message of a past turn came in."""
        wanted = runtime.context.experiment
        if wanted is Experiment.OFF:
            return False, None
        branch = await self._branch(runtime)
        return branch.fork or wanted is Experiment.ON, branch.began if branch.fork else None

    async def was_one(
        self, turn: Turn, runtime: Runtime[TurnContext], results: Sequence[ToolResult] = ()
    ) -> bool:
        """Say whether `turn`, the one before the running turn, was an experiment."""
        running = runtime.execution_info
        if self.lineage is None or running is None or not running.thread_id or is_marked(turn, results):
            return is_marked(turn, results)
        return (await self.lineage.branch_before(running.thread_id, running.checkpoint_id)).fork

    async def _branch(self, runtime: Runtime[TurnContext]) -> Branch:
        running = runtime.execution_info
        if self.lineage is None or running is None or not running.thread_id:
            return Branch()
        return await self.lineage.branch(running.thread_id, running.checkpoint_id)


def is_marked(turn: Turn, results: Sequence[ToolResult] = ()) -> bool:
    """Say whether the state of a turn tells that it was begun, or has called tools, as an experiment."""
    return turn.experiment or any(result.experiment for result in results)
