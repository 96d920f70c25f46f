"""The part of a Letta server that GOAT uses, on a loopback port: agents and their blocks, with old bugs."""

import asyncio
from dataclasses import dataclass, replace

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.servers.letta_state import LettaState, Refused
from tests.servers.threaded import Running, ThreadedServer


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the next `times` requests of a method.

    Attributes:
        method: empty for any.
        kept: the request is processed, and only its answer is lost.
        wait: seconds until the answer.
        body: sent instead of the answer; None keeps it.
        share: share of the answer that is sent.
    """

    status: int = 200
    body: bytes | None = None
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    method: str = ""
    times: int = 1
    kept: bool = False
    wait: float = 0.0
    share: float = 1.0


class LettaServer(ThreadedServer):
    """A server in its own thread; `GOAT_LETTA_URL` is set to its `url`.

    Attributes:
        state: its contents; may be read and changed between requests.
        faults: faults of the next requests, in order.
        requests: method and path of each request, oldest first.
        tokens: the Authorization header of each request.
    """

    def __init__(self, *, strict: bool = False, token: str = "", port: int = 0) -> None:
        self.state = LettaState(strict=strict)
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.tokens: list[str] = []
        self.token = token
        super().__init__(self._application(), name="letta-server", port=port)

    def count(self, method: str) -> int:
        """Count the requests of a method."""
        return sum(asked == method for asked, _ in self.requests)

    def _application(self) -> Starlette:
        agent, core = "/v1/agents/{agent}", "/v1/agents/{agent}/core-memory/blocks"
        paths = [
            "/v1/health/",
            "/v1/agents/",
            agent,
            core,
            core + "/{label}",
            "/v1/blocks/",
            "/v1/blocks/{block}",
        ]
        methods = ["GET", "POST", "PATCH", "DELETE"]
        return Starlette(routes=[Route(path, self._endpoint, methods=methods) for path in paths])

    async def _endpoint(self, request: Request) -> Response:
        self.requests.append((request.method, request.url.path))
        self.tokens.append(request.headers.get("authorization", ""))
        fault = self._next_fault(request.method)
        if fault is not None and fault.body is not None and not fault.kept:
            return await _faulty(fault, Response(fault.body))
        answer = await self._answer(request)
        return answer if fault is None else await _faulty(fault, answer)

    async def _answer(self, request: Request) -> Response:
        if request.url.path != "/v1/health/" and not self._allowed(request):
            return JSONResponse({"detail": "Unauthorized"}, 401)
        try:
            body = await request.json() if await request.body() else {}
            answered = await self.state.answer(
                request.method, request.url.path, request.path_params, dict(request.query_params), body
            )
        except Refused as refused:
            return JSONResponse({"detail": refused.detail}, refused.status)
        return JSONResponse(answered)

    def _allowed(self, request: Request) -> bool:
        return not self.token or request.headers.get("authorization") == f"Bearer {self.token}"

    def _next_fault(self, method: str) -> Fault | None:
        for place, fault in enumerate(self.faults):
            if fault.method in ("", method):
                self.faults[place : place + 1] = [replace(fault, times=fault.times - 1)] * (fault.times > 1)
                return fault
        return None


async def _faulty(fault: Fault, answer: Response) -> Response:
    await asyncio.sleep(fault.wait)
    content = bytes(answer.body) if fault.body is None else fault.body
    content = content[: int(len(content) * fault.share)]
    return Response(content, fault.status, dict(fault.headers), fault.media_type)


def running_letta_server(*, strict: bool = False, token: str = "", port: int = 0) -> Running[LettaServer]:
    """Return a server for a `with` block, on a free port by default."""
    return Running(LettaServer(strict=strict, token=token, port=port))
