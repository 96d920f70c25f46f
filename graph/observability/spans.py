"""Spans of OpenTelemetry around turns and nodes. They cost nothing while nobody listens, and hold no text."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from langgraph.errors import GraphBubbleUp
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
    get_tracer,
    set_span_in_context,
)

T = TypeVar("T")
SCOPE = "goat"
TURN_ID = "goat.turn_id"
TracerOf = Callable[[], Tracer]


def api_tracer() -> Tracer:
    """Return the tracer of whoever set up OpenTelemetry in this process; one that does nothing if nobody."""
    return get_tracer(SCOPE)


@contextmanager
def node_span(tracer: Tracer, name: str, turn_id: str) -> Iterator[Span]:
    """Open a node's span: under the current one, or else under what all nodes of this turn have in common."""
    parent = None if get_current_span().get_span_context().is_valid else parent_of(turn_id)
    with _span(tracer, f"goat.{name}", parent) as span:
        yield span


async def turn_span(tracer: Tracer, turn_id: str, events: AsyncIterator[T]) -> AsyncIterator[T]:
    """Pass on a turn's events under one span, the parent of its nodes' spans.

    The span is current while the graph runs, and never while the events' reader does.
    """
    span = tracer.start_span("goat.turn", attributes={TURN_ID: turn_id})
    context = set_span_in_context(span)
    try:
        while True:
            token = attach(context)
            try:
                event = await anext(events)
            except StopAsyncIteration:
                return
            except BaseException as error:
                mark_failed(span, error)
                raise
            finally:
                detach(token)
            yield event
    finally:
        span.end()
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def parent_of(turn_id: str) -> Context:
    """Return a parent that the spans of one turn share, whichever processes run its nodes."""
    raw = hashlib.sha256(turn_id.encode("utf-8", "surrogatepass")).digest()
    trace, span = int.from_bytes(raw[:16], "big"), int.from_bytes(raw[16:24], "big")
    shared = SpanContext(trace or 1, span or 1, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(shared))


def mark_failed(span: Span, error: BaseException) -> None:
    """Note the kind of an error, without its text, which may hold what people wrote.

    An interrupt, by which a node waits for a person, is no failure.
    """
    if isinstance(error, GraphBubbleUp):
        span.set_attribute("goat.interrupted", True)
    else:
        span.set_status(Status(StatusCode.ERROR, type(error).__name__))


@contextmanager
def _span(tracer: Tracer, name: str, parent: Context | None) -> Iterator[Span]:
    with tracer.start_as_current_span(
        name, parent, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            mark_failed(span, error)
            raise
