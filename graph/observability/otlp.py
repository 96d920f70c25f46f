"""Export spans by OTLP over HTTP. `graph.observability.telemetry` imports it when a receiver is set."""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer

from graph.observability.spans import SCOPE

SECONDS = 2.0
"""What one export may take, with its repetitions."""
SERVICE = "goat"


class Otlp:
    """A provider whose spans a thread of its own sends in batches; when its queue is full they are lost."""

    def __init__(self, endpoint: str) -> None:
        """Take the receiver's base URL; empty: that of OpenTelemetry's own variables."""
        url = f"{endpoint}/v1/traces" if endpoint else None
        self._exporter = OTLPSpanExporter(endpoint=url, timeout=SECONDS)
        self._provider = TracerProvider(
            resource=Resource.create({SERVICE_NAME: SERVICE}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer(SCOPE)

    @property
    def tracer(self) -> Tracer:
        """Make spans that are exported."""
        return self._tracer

    def close(self) -> None:
        """Export what waits and end; blocks."""
        self._provider.shutdown()

    def give_up(self) -> None:
        """Have `close` return soon."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]
