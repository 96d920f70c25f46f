"""Export of spans by OTLP over HTTP; `graph.observability.telemetry` imports it when a receiver is set."""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

SECONDS = 2.0
"""Timeout of one export, including its retries."""
SERVICE = "goat"


def open_exporter(endpoint: str) -> tuple[TracerProvider, OTLPSpanExporter]:
    """Return a provider that exports spans in batches from a thread, and its exporter.

    A full queue drops spans. `endpoint` is the receiver's base URL; empty: OpenTelemetry's own variables.
    """
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces" if endpoint else None, timeout=SECONDS)
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: SERVICE}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider, exporter
