"""A receiver of OTLP over HTTP that records what it gets."""

import asyncio
import threading

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.servers.threaded import Running, ThreadedServer

_PROTOBUF = "application/x-protobuf"


class OtlpReceiver(ThreadedServer):
    """Received requests, and the receiver's behaviour."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.hanging = threading.Event()
        """When set, no request is answered before `ending`."""
        self.ending = threading.Event()
        application = Starlette(routes=[Route("/v1/traces", self._receive, methods=["POST"])])
        super().__init__(application, name="otlp-receiver")

    async def _receive(self, request: Request) -> Response:
        body = await request.body()
        while self.hanging.is_set():
            await asyncio.sleep(0.01)
            if self.ending.is_set():
                return Response(status_code=503)
        if request.headers["content-type"] != _PROTOBUF:
            return Response(status_code=404)
        self.requests.append(ExportTraceServiceRequest.FromString(body))
        return Response(ExportTraceServiceResponse().SerializeToString(), media_type=_PROTOBUF)

    @property
    def _resources(self) -> list[ResourceSpans]:
        return [resource for request in self.requests for resource in request.resource_spans]

    @property
    def spans(self) -> list[Span]:
        """All received spans."""
        return [
            span for resource in self._resources for scope in resource.scope_spans for span in scope.spans
        ]

    @property
    def services(self) -> set[str]:
        """The names of the received spans' services."""
        attributes = [one for resource in self._resources for one in resource.resource.attributes]
        return {one.value.string_value for one in attributes if one.key == "service.name"}


def running_otlp() -> Running[OtlpReceiver]:
    """Return a receiver for a `with` block, on a free port."""
    return Running(OtlpReceiver())
