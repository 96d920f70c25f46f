"""A Letta server on a loopback port, as far as GOAT asks it: agents and their blocks, with its old bugs."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.servers.letta_state import LettaState, Refused


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with the next `times` requests of a method.

    Attributes:
        method: empty for any.
        kept: the request is done all the same, and only its answer is lost.
        wait: seconds until the answer.
        body: sent instead of the answer; None leaves the answer as it is.
        share: how much of the answer is sent.
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


class LettaServer:
    """A server in a thread of its own.

    Attributes:
        state: what it holds; may be looked at and changed between requests.
        faults: what goes wrong with the next requests, first come first served.
        requests: method and path of each request, oldest first.
        tokens: the Authorization header of each request.
    """

    def __init__(self, *, strict: bool = False, token: str = "", port: int = 0) -> None:
        self.state = LettaState(strict=strict)
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.tokens: list[str] = []
        self.token = token
        self._socket = socket.create_server(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else 40 ms an answer
        configuration = uvicorn.Config(
            self._application(), ws="none", lifespan="off", log_config=None, access_log=False
        )
        self._server = uvicorn.Server(configuration)
        self._thread = threading.Thread(target=self._run, name="letta-server", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """What `GOAT_LETTA_URL` is set to."""
        return f"http://127.0.0.1:{self.port}"

    def count(self, method: str) -> int:
        """Count the requests of a method."""
        return sum(asked == method for asked, _ in self.requests)

    def start(self) -> None:
        """Serve in the background; requests are taken at once."""
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and wait for the thread."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

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


@contextmanager
def running_letta_server(*, strict: bool = False, token: str = "", port: int = 0) -> Iterator[LettaServer]:
    """Run a server as long as the block."""
    server = LettaServer(strict=strict, token=token, port=port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
