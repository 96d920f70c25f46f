"""A node wrapped with a timer, a span, a story of what it did and the thresholds that it used."""

import asyncio
import inspect
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Command
from opentelemetry.trace import INVALID_SPAN

from graph.explain.node_story import describe_node
from graph.observability.telemetry import TracerOf, node_span
from graph.settings.context import TurnContext
from graph.state.circumstances import OTHER_OWNER, note_of
from graph.state.turn_state import State
from memory.errors import OwnerMismatch
from memory.models import Outcome

logger = logging.getLogger(__name__)


class ObservedNode:
    """A node that adds `story`, `thresholds` and `timings` to the update of the node that it wraps.

    A node whose input is not the state is added to the graph with its `input_schema`, which must have `turn`.
    """

    def __init__(self, name: str, node: Callable[..., Any], tracer: TracerOf) -> None:
        """Wrap a function or callable object, with or without a parameter `runtime`."""
        self.name = name
        self.node = node
        self._tracer = tracer
        self._wants_runtime = "runtime" in inspect.signature(node).parameters
        called = node if inspect.isroutine(node) else type(node).__call__
        self._is_async = inspect.iscoroutinefunction(called)

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> Any:
        """Run the node for the thread's owner.

        Raises:
            OwnerMismatch: the context names another owner.
        """
        tracer = self._tracer()
        spanning = (
            nullcontext(INVALID_SPAN)
            if tracer is None or is_private(state)
            else node_span(tracer, self.name, turn_id_of(state))
        )
        with spanning as span:
            began = time.perf_counter()
            owner = runtime.context.owner if runtime.context else ""
            if owner and "turn" in state and state["turn"].owner != owner:
                raise OwnerMismatch(OTHER_OWNER)
            given = {"runtime": runtime} if self._wants_runtime else {}
            running = (
                self.node(state, **given) if self._is_async else asyncio.to_thread(self.node, state, **given)
            )
            update = await running
            milliseconds = round((time.perf_counter() - began) * 1000, 2)
            if span.is_recording():
                span.set_attributes(_numbers(update))
        if isinstance(update, Command):
            return replace(update, update=self._extended(state, runtime, milliseconds, update.update or {}))
        return self._extended(state, runtime, milliseconds, update or {})

    def _extended(
        self, state: State, runtime: Runtime[TurnContext], milliseconds: float, update: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Add the three keys; the story comes first, so that Studio shows it above the values."""
        turn_id = turn_id_of(state)
        try:
            lines = describe_node(self.name, state, update)
        except (LookupError, TypeError, ValueError, AttributeError) as error:  # a story never fails a turn
            logger.warning("The story of %s could not be written: %r", self.name, error)
            lines = []
        story = {"story": {turn_id: {self.name: lines}}} if lines else {}
        used = runtime.context.used_by(self.name) if runtime.context else {}
        thresholds = {"thresholds": used} if used else {}
        return {**story, **update, **thresholds, "timings": {turn_id: {self.name: milliseconds}}}


def turn_id_of(state: State) -> str:
    """Return the running turn's id; until `working` has run, `turn` is still the previous turn."""
    messages = state.get("messages") or []
    if messages and messages[-1].type == "human":
        return str(messages[-1].id)
    return state["turn"].turn_id if "turn" in state else ""


def is_private(state: State) -> bool:
    """Return True when the running turn is private, so that nothing of it is stored."""
    messages = state.get("messages") or []
    if messages and messages[-1].type == "human":
        return note_of(messages[-1]).get("private") is True
    return "turn" in state and state["turn"].private


def _numbers(update: Any) -> dict[str, bool | int | float]:
    """Return the attributes of a node's span, from its update."""
    values: Mapping[str, Any] = update if isinstance(update, Mapping) else {}
    numbers: dict[str, bool | int | float] = {}
    if recall := values.get("recall"):
        numbers["goat.candidates"] = len(recall.candidates)
    if "decisions" in values:
        numbers["goat.relevant"] = sum(decision.kept for decision in values["decisions"])
    if shares := values.get("allocation"):
        numbers |= {
            "goat.tokens.total": shares.total,
            "goat.tokens.fixed": shares.fixed,
            "goat.tokens.conversation": shares.l2_used,
            "goat.tokens.memory": shares.l3_used,
            "goat.memories": len(shares.recalled),
        }
        if shares.space is not None:
            numbers |= {"goat.tokens.window": shares.space.window, "goat.tokens.tools": shares.space.tools}
    if reply := values.get("reply"):
        numbers |= {"goat.answered": reply.outcome is Outcome.ANSWERED, "goat.model.seconds": reply.seconds}
    return numbers
