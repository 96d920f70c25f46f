"""OpenTelemetry spans around turns and nodes, without message text; no-ops when no tracer is set up."""

import hashlib
from collections.abc import AsyncGenerator, Callable, Iterator
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
    """Return the tracer of this process's OpenTelemetry setup, a no-op without one."""
    return get_tracer(SCOPE)


@contextmanager
def node_span(tracer: Tracer, name: str, turn_id: str) -> Iterator[Span]:
    """Open a node's span, under the current span or else under the turn's shared parent."""
    parent = None if get_current_span().get_span_context().is_valid else parent_of(turn_id)
    with tracer.start_as_current_span(
        f"goat.{name}", parent, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            mark_failed(span, error)
            raise


async def turn_span(tracer: Tracer, turn_id: str, events: AsyncGenerator[T]) -> AsyncGenerator[T, None]:
    """Yield a turn's events under one span, the parent of its nodes' spans.

    The span is current while the graph runs, but not while the consumer of the events does.
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
    """Return the parent that a turn's spans share, the same in every process."""
    raw = hashlib.sha256(turn_id.encode("utf-8", "surrogatepass")).digest()
    trace, span = int.from_bytes(raw[:16], "big"), int.from_bytes(raw[16:24], "big")
    shared = SpanContext(trace or 1, span or 1, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(shared))


def mark_failed(span: Span, error: BaseException) -> None:
    """Record an error's type, without its message, which may quote people.

    An interrupt, with which a node waits for a person, is not a failure.
    """
    if isinstance(error, GraphBubbleUp):
        span.set_attribute("goat.interrupted", True)
    else:
        span.set_status(Status(StatusCode.ERROR, type(error).__name__))
