"""Recording of observations; its errors never fail a turn."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from graph.explain.turn_observation import observe
from graph.observability.logs import log_turn
from graph.settings.context import TurnContext
from graph.state.turn_state import State
from memory.concurrency.tasks import within
from memory.episodic.log.observation_log import ObservationLog
from memory.errors import GoatError
from memory.observation.observation import Observation
from memory.working.redis_metrics import RedisMetrics

SECONDS = 1.0
DELAY = 0.02
"""Seconds to wait before recording, so that it does not compete with the turn's last checkpoint."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TurnRecorder:
    """Record an archived turn in the owner's observation log, in Redis's metrics and in the log.

    A repeated call counts a turn only once, though it may appear in the log twice.
    """

    observations: ObservationLog
    metrics: RedisMetrics
    log_text: bool
    zone: tzinfo | None = None
    """The user's time zone; without it none is recorded."""
    _running: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def __call__(self, state: State, context: TurnContext) -> None:
        turn = state["turn"]
        if turn.private:
            return
        timings = state.get("timings", {}).get(turn.turn_id, {})
        observation = observe(state, context, timings, self.zone)
        await asyncio.gather(
            _attempt("stored", self.observations.put(observation, owner=turn.owner)),
            _attempt("counted", self.metrics.add(observation)),
            _attempt("logged", self._log(observation, state)),
        )

    def schedule(self, state: State, context: TurnContext) -> None:
        """Record the turn in the background; `flush` waits for it."""
        task = asyncio.create_task(self._later(state, context))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def flush(self) -> None:
        """Wait for the recordings scheduled on this event loop."""
        loop = asyncio.get_running_loop()
        if running := [task for task in self._running if task.get_loop() is loop]:
            await asyncio.wait(running)

    async def _later(self, state: State, context: TurnContext) -> None:
        await asyncio.sleep(DELAY)
        await self(state, context)

    async def _log(self, observation: Observation, state: State) -> None:
        words = {"message": state["turn"].said, "reply": state["reply"].text} if self.log_text else None
        log_turn(observation, words)


async def _attempt(what: str, work: Coroutine[Any, Any, object]) -> None:
    """Run `work` and log its failure; a text that no store can hold is a `ValueError`."""
    try:
        await within(work, SECONDS)
    except (GoatError, TimeoutError, ValueError) as error:
        logger.warning("An observation was not %s: %s", what, str(error) or type(error).__name__)
