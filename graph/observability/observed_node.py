"""A node with a clock and a span around it, that tells what it did."""

import asyncio
import inspect
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Command
from opentelemetry.trace import INVALID_SPAN, Span

from graph.explain.node_story import describe_node
from graph.observability.spans import TracerOf, api_tracer, node_span
from graph.settings.context import TurnContext
from graph.state.circumstances import OTHER_OWNER, note_of
from graph.state.turn_state import State
from memory.errors import OwnerMismatch
from memory.models import Outcome

logger = logging.getLogger(__name__)


class Observed:
    """Run a node as it is, and add to its update what it did and how long it took: `story` and `timings`.

    A node that takes something else than the state is added to the graph with its `input_schema`; it must
    hold the turn.
    """

    def __init__(self, name: str, node: Callable[..., Any], tracer: TracerOf = api_tracer) -> None:
        """Take a function or callable object, with or without a parameter `runtime`."""
        self.name = name
        self.node = node
        self._tracer = tracer
        self._wants_runtime = "runtime" in inspect.signature(node).parameters
        called = node if inspect.isroutine(node) else type(node).__call__
        self._is_async = inspect.iscoroutinefunction(called)

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> Any:
        turn_id = turn_id_of(state)
        with self._span(state, turn_id) as span:
            began = time.perf_counter()
            update = await self._run(state, runtime)
            milliseconds = round((time.perf_counter() - began) * 1000, 2)
            if span.is_recording():
                span.set_attributes(_numbers(update))
        if isinstance(update, Command):
            return replace(update, update=self._told(state, turn_id, milliseconds, update.update or {}))
        return self._told(state, turn_id, milliseconds, update or {})

    def _told(
        self, state: State, turn_id: str, milliseconds: float, update: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Put the story first: whoever looks at the update sees it before the values."""
        try:
            lines = describe_node(self.name, state, update)
        except (LookupError, TypeError, ValueError, AttributeError) as error:  # words never fail a turn
            logger.warning("The story of %s cannot be told: %r", self.name, error)
            lines = []
        story = {"story": {turn_id: {self.name: lines}}} if lines else {}
        return {**story, **update, "timings": {turn_id: {self.name: milliseconds}}}

    async def _run(self, state: State, runtime: Runtime[TurnContext]) -> Any:
        check_owner(state, runtime.context)
        given = {"runtime": runtime} if self._wants_runtime else {}
        if self._is_async:
            return await self.node(state, **given)
        return await asyncio.to_thread(self.node, state, **given)

    def _span(self, state: State, turn_id: str) -> AbstractContextManager[Span]:
        """Open a span; a private turn leaves no trace, here neither."""
        if is_private(state):
            return nullcontext(INVALID_SPAN)
        return node_span(self._tracer(), self.name, turn_id)


def turn_id_of(state: State) -> str:
    """Return the id of the turn that is running; `turn` is the turn before until `working` is done."""
    messages = state.get("messages") or []
    if messages and messages[-1].type == "human":
        return str(messages[-1].id)
    return state["turn"].turn_id if "turn" in state else ""


def check_owner(state: State, context: TurnContext | None) -> None:
    """Refuse to run any node for another than the thread's owner.

    Raises:
        OwnerMismatch: the context names another owner.
    """
    if context and context.owner and "turn" in state and state["turn"].owner != context.owner:
        raise OwnerMismatch(OTHER_OWNER)


def is_private(state: State) -> bool:
    """Say whether nothing of the running turn is to be kept."""
    messages = state.get("messages") or []
    if messages and messages[-1].type == "human":
        return note_of(messages[-1]).get("private") is True
    return "turn" in state and state["turn"].private


def _numbers(update: Any) -> dict[str, bool | int | float]:
    """Return what a node's span tells of its update."""
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
