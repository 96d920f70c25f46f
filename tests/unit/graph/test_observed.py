"""A node with a clock and a span around it, in graphs of LangGraph."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, Tracer, get_current_span

from graph.builder import FETCHES
from graph.observability.observed_node import ObservedNode
from graph.observability.telemetry import turn_span
from graph.observability.turn_recorder import PARALLEL_NODES, elapsed_milliseconds
from graph.settings.context import Thresholds, TurnContext
from graph.state.circumstances import Circumstances, user_message
from graph.state.reducers import MOST_NODES, Timings, merge_timings
from graph.state.turn_state import State, Turn, TurnInput

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
CONFIG: RunnableConfig = {"configurable": {"thread_id": "1"}}


def asked(turn_id: str, *, private: bool = False) -> TurnInput:
    about = Circumstances(private=private)
    return {"messages": [user_message("my PIN is plum", turn_id=turn_id, owner="ana", at=AT, about=about)]}


def turn(turn_id: str) -> Turn:
    return Turn(turn_id=turn_id, owner="ana", thread="1", message="", at=AT)


@dataclass(frozen=True, slots=True)
class Reads:
    """An asynchronous node with a runtime, as `working` is."""

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> dict[str, Any]:
        assert runtime.context.owner == "ana"
        return {"turn": turn(str(state["messages"][-1].id))}


def plain(state: State) -> dict[str, Any]:
    """A synchronous node without one."""
    return {"decisions": []}


async def answers(state: State) -> dict[str, Any]:
    return {"messages": [AIMessage("ok", id=f"reply-{state['turn'].turn_id}")]}


async def says_nothing(state: State) -> None:
    return None


class Spans:
    """What was exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._tracer = provider.get_tracer("test")

    def tracer(self) -> Tracer:
        return self._tracer

    def all(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._exporter.get_finished_spans()}


def drawn(spans: Spans, answering: Callable[..., Any] = answers) -> Any:
    builder = StateGraph(State, context_schema=TurnContext, input_schema=TurnInput)
    nodes: dict[str, Callable[..., Any]] = {
        "working": Reads(),
        "facts": plain,
        "respond": answering,
        "archive": says_nothing,
    }
    for name, node in nodes.items():
        builder.add_node(name, ObservedNode(name, node, spans.tracer))
    builder.add_edge(START, "working")
    builder.add_edge(START, "facts")
    builder.add_edge(["working", "facts"], "respond")
    builder.add_edge("respond", "archive")
    builder.add_edge("archive", END)
    return builder.compile(checkpointer=InMemorySaver())


async def run(graph: Any, given: Any) -> Any:
    return await graph.ainvoke(given, CONFIG, context=TurnContext(owner="ana"))


async def test_every_node_is_timed_and_a_new_turn_begins_anew() -> None:
    graph = drawn(Spans())
    await run(graph, asked("t1"))
    state = await run(graph, asked("t2"))
    assert set(state["timings"]) == {"t2"}
    assert set(state["timings"]["t2"]) == {"working", "facts", "respond", "archive"}
    assert state["messages"][-1].id == "reply-t2"


async def test_the_nodes_spans_are_children_of_the_turns_and_hold_numbers_only() -> None:
    spans = Spans()
    events = drawn(spans).astream(asked("t1"), CONFIG, context=TurnContext(owner="ana"))
    async for _ in turn_span(spans.tracer(), "t1", events):
        assert not get_current_span().get_span_context().is_valid
    found = spans.all()
    root = found.pop("goat.turn").get_span_context()
    assert root is not None
    assert set(found) == {"goat.working", "goat.facts", "goat.respond", "goat.archive"}
    for span in found.values():
        assert span.parent is not None
        assert (span.parent.span_id, span.parent.trace_id) == (root.span_id, root.trace_id)
        assert all(isinstance(value, int | float) for value in (span.attributes or {}).values())


async def test_without_a_turns_span_the_nodes_of_a_turn_share_a_trace() -> None:
    spans = Spans()
    graph = drawn(spans)
    await run(graph, asked("t1"))
    first = {span.context.trace_id for span in spans.all().values() if span.context}
    await run(graph, asked("t2"))
    both = {span.context.trace_id for span in spans.all().values() if span.context}
    assert len(first) == 1
    assert len(both - first) == 1


async def test_a_private_turn_leaves_no_span() -> None:
    spans = Spans()
    state = await run(drawn(spans), asked("t1", private=True))
    assert state["timings"]["t1"]
    assert [name for name in spans.all() if name in {"goat.working", "goat.facts"}] == []


async def test_an_error_passes_and_marks_the_span_without_its_text() -> None:
    async def fails(state: State) -> None:
        raise ValueError("my PIN is plum")

    spans = Spans()
    with pytest.raises(ValueError, match="plum"):
        await run(drawn(spans, fails), asked("t1"))
    span = spans.all()["goat.respond"]
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError")
    assert "plum" not in span.to_json()


async def test_an_interrupt_passes_and_the_node_goes_on_afterwards() -> None:
    async def asks(state: State) -> dict[str, Any]:
        said = interrupt("may I?")
        return {"messages": [AIMessage(said, id=f"reply-{state['turn'].turn_id}")]}

    spans = Spans()
    graph = drawn(spans, asks)
    await run(graph, asked("t1"))
    assert spans.all()["goat.respond"].status.status_code is StatusCode.UNSET
    state = await run(graph, Command(resume="yes"))
    assert state["messages"][-1].text == "yes"
    assert set(state["timings"]["t1"]) == {"working", "facts", "respond", "archive"}


names = st.sampled_from([f"n{number}" for number in range(MOST_NODES * 2)])
updates = st.lists(st.tuples(st.sampled_from(["a", "b"]), names, st.floats(0, 1e6)), max_size=200)


@given(updates)
def test_timings_are_of_the_latest_turn_and_bounded(given: list[tuple[str, str, float]]) -> None:
    timings: Timings = {}
    for turn_id, name, milliseconds in given:
        timings = merge_timings(timings, {turn_id: {name: milliseconds}})
    assert list(timings) == [turn_id for turn_id, _, _ in given[-1:]]
    assert all(len(times) <= MOST_NODES for times in timings.values())


def test_a_node_that_runs_again_is_added_up() -> None:
    timings: Timings = {}
    for milliseconds in (1.0, 2.5):
        timings = merge_timings(timings, {"t": {"respond": milliseconds}})
    assert timings == {"t": {"respond": 3.5}}


def test_of_nodes_that_run_at_once_the_longest_counts() -> None:
    assert set(FETCHES) == PARALLEL_NODES
    assert elapsed_milliseconds({"prefetch": 30, "working": 50, "budget": 2, "respond": 100}) == 152
    assert elapsed_milliseconds({}) == 0


def test_every_threshold_is_written_by_the_node_that_uses_it() -> None:
    used = TurnContext(gap_threshold=0.25, owner="ana")
    nodes = ("prefetch", "gap_filter", "budget", "respond")
    assert {name for node in nodes for name in used.used_by(node)} == Thresholds.model_fields.keys()
    assert used.used_by("gap_filter")["gap_threshold"] == 0.25
    assert used.used_by("archive") == {}
