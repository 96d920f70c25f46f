"""Export of spans to an OTLP/HTTP receiver if configured, else to this process's OpenTelemetry setup."""

import asyncio
import logging
import os
from threading import Thread
from typing import TYPE_CHECKING

from opentelemetry.trace import Tracer

from graph.observability.spans import SCOPE, api_tracer
from graph.settings.extras import missing_message
from graph.settings.settings import Settings
from memory.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider

CLOSING_SECONDS = 2.0
"""Seconds to export the last spans."""
_CONFIGURED = "Telemetry is configured (GOAT_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT)."
_STANDARD = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
logger = logging.getLogger(__name__)


class Telemetry:
    """The source of tracers; imports the exporter only if a receiver is configured."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._exporting: tuple[TracerProvider, OTLPSpanExporter] | None = None
        self._tracer: Tracer | None = None
        self._begun = False

    def tracer(self) -> Tracer:
        """Return the current tracer, starting `open` in a thread if needed; spans before it ends are lost."""
        if self._tracer is not None:
            return self._tracer
        if not self._begun:
            self._begun = True
            if self._endpoint() is not None:
                Thread(target=self._open_late, name="goat-telemetry", daemon=True).start()
        return api_tracer()

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
