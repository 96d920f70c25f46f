"""OpenTelemetry spans around turns and nodes, without message text, and their export.

They go to an OTLP/HTTP receiver if one is configured, else to this process's OpenTelemetry setup; without
either there are none.
"""

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from langgraph.errors import GraphBubbleUp
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import (
    NonRecordingSpan,
    ProxyTracerProvider,
    Span,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
    get_tracer,
    get_tracer_provider,
    set_span_in_context,
)

from graph.settings.extras import missing_message
from graph.settings.settings import Settings
from memory.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider


T = TypeVar("T")
SCOPE = "goat"
TURN_ID = "goat.turn_id"
TracerOf = Callable[[], Tracer | None]

CLOSING_SECONDS = 2.0
"""Seconds to export the last spans."""
_CONFIGURED = "Telemetry is configured (GOAT_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT)."
_STANDARD = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
logger = logging.getLogger(__name__)


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


class Telemetry:
    """The source of tracers; imports the exporter only if a receiver is configured."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._exporting: tuple[TracerProvider, OTLPSpanExporter] | None = None
        self._tracer: Tracer | None = None
        self._begun = False

    def tracer(self) -> Tracer | None:
        """Return the tracer of the receiver, or of this process's OpenTelemetry setup; None without both.

        Starts `open` in a thread if needed.
        """
        if self._tracer is not None:
            return self._tracer
        if not self._begun:
            self._begun = True
            if self._endpoint() is not None:
                Thread(target=self._open_late, name="goat-telemetry", daemon=True).start()
        return None if isinstance(get_tracer_provider(), ProxyTracerProvider) else get_tracer(SCOPE)

    async def open(self) -> None:
        """Start exporting if a receiver is configured.

        Raises:
            ConfigError: the exporter is not installed.
        """
        if not self._begun:
            self._begun = True
            await asyncio.to_thread(self._open)

    async def close(self) -> None:
        """Export pending spans, for at most `CLOSING_SECONDS`."""
        exporting, self._exporting, self._tracer, self._begun = self._exporting, None, None, False
        if exporting is None:
            return
        provider, exporter = exporting
        closing = asyncio.ensure_future(asyncio.to_thread(provider.shutdown))
        done, _ = await asyncio.wait({closing}, timeout=CLOSING_SECONDS)
        if not done:
            logger.warning("The telemetry receiver does not answer; the last spans are lost.")
            exporter.shutdown()  # type: ignore[no-untyped-call]  # ends the export that runs

    def _open(self) -> None:
        endpoint = self._endpoint()
        if endpoint is None:
            return
        try:
            from graph.observability.otlp import open_exporter  # noqa: PLC0415 - an extra, which may not be installed
        except ModuleNotFoundError as error:
            raise ConfigError(f"{_CONFIGURED} {missing_message('telemetry')}") from error
        self._exporting = open_exporter(endpoint)
        self._tracer = self._exporting[0].get_tracer(SCOPE)

    def _open_late(self) -> None:
        try:
            self._open()
        except ConfigError as error:
            logger.warning("%s", error)

    def _endpoint(self) -> str | None:
        """Return the receiver's base URL; empty if OpenTelemetry's variables set it; None without one."""
        if configured := self._settings.otlp_endpoint:
            return configured
        return "" if any(os.environ.get(name) for name in _STANDARD) else None
