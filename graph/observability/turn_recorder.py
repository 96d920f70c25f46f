"""The observation of a finished turn, and its recording; errors of the recording never fail a turn."""

import asyncio
import logging
import re
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import tzinfo
from typing import Any, TypeVar

from graph.explain.explanation import tiers_down
from graph.model.tool_rounds import exchange_of, grounding_of, results_of
from graph.observability.logs import OBSERVATION, TURNS
from graph.settings.context import TurnContext
from graph.state.recall import join_evidence, last_decisions
from graph.state.turn_state import Allocation, Recall, State
from memory.concurrency.tasks import within
from memory.episodic.log.observation_log import ObservationLog
from memory.errors import GoatError
from memory.models import Decision, Evidence
from memory.observation.observation import (
    DIGITS,
    Judged,
    Observation,
    RecordedCall,
    RecordedGrounding,
    Shares,
    mark_of_fact,
)
from memory.text.text import digest
from memory.working.redis_metrics import RedisMetrics

SECONDS = 1.0
DELAY = 0.02
"""Seconds to wait before recording, so that it does not compete with the turn's last checkpoint."""
PARALLEL_NODES = frozenset({"prefetch", "identity", "facts", "working"})
"""Nodes that run in one superstep: the turn waits for the slowest."""
_TOOL_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_PROBLEM_CHARS = 200
Rounded = TypeVar("Rounded", Shares, Judged, Evidence)
_LEFT_OUT = ("owner", "decisions", "thresholds", "seen", "asked_at", "facts", "last_turn", "opening")
logger, _turns = logging.getLogger(__name__), logging.getLogger(TURNS)


@dataclass(frozen=True, slots=True)
class TurnRecorder:
    """Records archived turns in the owner's observation log, in Redis's metrics and in the log.

    A repeated call counts a turn only once, though it may appear in the log twice.
    """

    observations: ObservationLog
    metrics: RedisMetrics
    log_text: bool
    zone: tzinfo | None = None
    """The user's time zone; without it none is recorded."""
    _running: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def __call__(self, state: State, context: TurnContext, delay: float = 0.0) -> None:
        await asyncio.sleep(delay)
        turn = state["turn"]
        if turn.private:
            return
        timings = state.get("timings", {}).get(turn.turn_id, {})
        observation = observe(state, context, timings, self.zone)
        await asyncio.gather(
            _attempt("stored", self.observations.put(observation, owner=turn.owner)),
            _attempt("counted", self.metrics.add(observation)),
        )
        words = {"message": turn.said, "reply": state["reply"].text} if self.log_text else None
        log_turn(observation, words)

    def schedule(self, state: State, context: TurnContext) -> None:
        """Record the turn in the background; `flush` waits for it."""
        task = asyncio.create_task(self(state, context, DELAY))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def flush(self) -> None:
        """Wait for the recordings scheduled on this event loop."""
        loop = asyncio.get_running_loop()
        if running := [task for task in self._running if task.get_loop() is loop]:
            await asyncio.wait(running)


async def _attempt(what: str, work: Coroutine[Any, Any, object]) -> None:
    """Run `work` and log its failure; a text that no store can hold is a `ValueError`."""
    try:
        await within(work, SECONDS)
    except (GoatError, TimeoutError, ValueError) as error:
        logger.warning("An observation was not %s: %s", what, str(error) or type(error).__name__)


def log_turn(observation: Observation, text: Mapping[str, str] | None = None) -> None:
    """Log one line for a turn: its figures, a digest of its owner, and its text only when given."""
    if not _turns.isEnabledFor(logging.INFO):
        return
    line = observation.without(*_LEFT_OUT)
    line["owner"] = digest(observation.owner)
    if text:
        line["text"] = dict(text)
    _turns.info("turn %s %s", observation.turn_id, observation.outcome.value, extra={OBSERVATION: line})


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
        searches={
            name: replace(
                report, milliseconds=round(report.milliseconds, 1), problem=report.problem[:_PROBLEM_CHARS]
            )
            for name, report in recall.reports.items()
        },
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
