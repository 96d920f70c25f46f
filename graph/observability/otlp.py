"""Export of spans by OTLP over HTTP; `graph.observability.telemetry` imports it when a receiver is set."""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer

from graph.observability.spans import SCOPE

SECONDS = 2.0
"""Timeout of one export, including its retries."""
SERVICE = "goat"


class Otlp:
    """A tracer provider that exports spans in batches from a thread; a full queue drops spans."""

    def __init__(self, endpoint: str) -> None:
        """Take the receiver's base URL; if empty, OpenTelemetry's own variables set it."""
        url = f"{endpoint}/v1/traces" if endpoint else None
        self._exporter = OTLPSpanExporter(endpoint=url, timeout=SECONDS)
        self._provider = TracerProvider(
            resource=Resource.create({SERVICE_NAME: SERVICE}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer(SCOPE)

    @property
    def tracer(self) -> Tracer:
        """The tracer whose spans are exported."""
        return self._tracer

    def close(self) -> None:
        """Export pending spans and shut down; blocks."""
        self._provider.shutdown()

    def give_up(self) -> None:
        """Make a running `close` return soon."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]
