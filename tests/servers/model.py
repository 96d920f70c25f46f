"""A model endpoint on a loopback port: the OpenAI-compatible API, with scripted replies and faults.

By hand: `python -m tests.servers.model --port 8099` prints the base URL to point GOAT at.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.servers import openai_format
from tests.servers.faults import Answer, Fault, Kind, spoiled
from tests.servers.openai_format import ModelRequest, Reply, echo
from tests.servers.threaded import DroppingProtocol, Running, ThreadedServer

__all__ = ["Fault", "ModelRequest", "ModelServer", "Reply", "running_model_server"]

Script = str | Reply | Callable[[ModelRequest], str | Reply]
SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "cookie"})
STREAM = "text/event-stream"
TRANSCRIPT = "what was said"
_BEGINNING = 2
"""Chunks of a streamed answer before its second word: the role and the first word."""
_LOOK_SECONDS = 0.005


class ModelServer(ThreadedServer):
    """An endpoint in its own thread, which answers from a script and records its requests.

    Attributes:
        requests: every request, oldest first.
        faults: faults of the next requests, in order.
        delay_per_chunk: seconds before each piece of a streamed answer; changes apply at once.
        hold_before: a piece that begins with this waits until this has another value.
        transcript: transcription of every recording.
        model_names: the list of models; any name is served.
        key: the required key; empty for none.
        context: maximum tokens of a prompt and its reply; larger requests are refused as vLLM does. 0: no
            limit.
        pages: JSON answers by path, also of the list of models.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.requests: list[ModelRequest] = []
        self.faults: list[Fault] = []
        self.delay_per_chunk = 0.0
        self.hold_before = ""
        self.transcript = TRANSCRIPT
        self.model_names = ["test"]
        self.key = ""
        self.context = 0
        self.pages: dict[str, Any] = {}
        self._script: Script = echo
        super().__init__(
            self._application(), name="model-server", host=host, port=port, http=DroppingProtocol
        )

    @property
    def base_url(self) -> str:
        """The value for `GOAT_MODEL_BASE_URL`."""
        return f"{self.url}/v1"

    @property
    def chats(self) -> list[ModelRequest]:
        """The chat completions among the requests."""
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    @property
    def transcriptions(self) -> list[ModelRequest]:
        """The recordings among the requests; the file is an `Upload` in the body."""
        return [request for request in self.requests if request.path.endswith("/audio/transcriptions")]

    def reply(self, script: Script) -> None:
        """Answer from now on with a text, or with the result of a function of the request."""
        self._script = script

    def reset(self) -> None:
        """Return to the echo, and forget requests and faults."""
        self._script = echo
        self.delay_per_chunk = 0.0
        self.hold_before = ""
        self.transcript = TRANSCRIPT
        self.model_names = ["test"]
        self.key = ""
        self.context = 0
        self.pages.clear()
        self.requests.clear()
        self.faults.clear()

    def _application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/chat/completions", _Endpoint(self, self._chat), methods=["POST"]),
                Route("/v1/embeddings", _Endpoint(self, self._embeddings), methods=["POST"]),
                Route("/v1/audio/transcriptions", _Endpoint(self, self._transcription), methods=["POST"]),
                Route("/v1/models", _Endpoint(self, self._models), methods=["GET"]),
                Route("/{path:path}", _Endpoint(self, self._page), methods=["GET", "POST"]),
            ]
        )

    def lets_in(self, request: Request) -> bool:
        """Return whether a request has the key, if one is required."""
        is_open = not self.key or not request.url.path.endswith(("/models", "/chat/completions"))
        return is_open or request.headers.get("authorization") == f"Bearer {self.key}"

    def next_fault(self, request: ModelRequest) -> Fault | None:
        """Use one time of the first remaining fault, if it applies to the request.

        Requests about the server itself never fail, since no test knows when they come.
        """
        is_work = "/v1/" in request.path and not request.path.endswith("/models")
        if not self.faults or not is_work or self.faults[0].about not in str(request.body):
            return None
        fault = self.faults.pop(0)
        if fault.times > 1:
            self.faults.insert(0, replace(fault, times=fault.times - 1))
        return fault

    def _chat(self, request: ModelRequest, *, empty: bool) -> Answer:
        if self.context and (refused := openai_format.refusal(request, self.context)):
            return Answer((openai_format.error(refused, 400),), status=400)
        said = Reply() if empty else self._said(request)
        if not request.streamed:
            return Answer((openai_format.completion(request, said),))
        events = tuple(openai_format.completion_events(request, said))
        return Answer(events, STREAM, paced=True, rest=said.rest)

    async def pace(self, chunk: bytes) -> None:
        """Wait until the next piece of a streamed answer is due."""
        await asyncio.sleep(0)
        began = time.monotonic()
        while time.monotonic() - began < self.delay_per_chunk or self._is_held(chunk):  # noqa: ASYNC110 - another thread sets them
            await asyncio.sleep(_LOOK_SECONDS)

    def _is_held(self, chunk: bytes) -> bool:
        return bool(self.hold_before) and f'"content": "{self.hold_before}'.encode() in chunk

    def _said(self, request: ModelRequest) -> Reply:
        said = self._script(request) if callable(self._script) else self._script
        return Reply(said) if isinstance(said, str) else said

    def _embeddings(self, request: ModelRequest, *, empty: bool) -> Answer:
        return Answer((b'{"object": "list", "data": []}' if empty else openai_format.embeddings(request),))

    def _transcription(self, _: ModelRequest, *, empty: bool) -> Answer:
        return Answer((openai_format.transcription("" if empty else self.transcript),))

    def _models(self, request: ModelRequest, *, empty: bool) -> Answer:
        if request.path in self.pages:
            return self._page(request, empty=empty)
        return Answer((openai_format.models(self.model_names),))

    def _page(self, request: ModelRequest, *, empty: bool) -> Answer:
        if empty or request.path not in self.pages:
            return Answer((openai_format.error("Not found", 404),), status=404)
        return Answer((openai_format.encoded(self.pages[request.path]),))


class _BadRequest(Exception):
    """The request cannot be read."""


class _Endpoint:
    """One path of the API, as an ASGI application."""

    def __init__(self, server: ModelServer, answer: Callable[..., Answer]) -> None:
        self._server = server
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = Request(scope, receive)
        if not self._server.lets_in(received):
            refused = Answer((openai_format.error("Incorrect API key", 401),), status=401)
            await self._send(refused, scope, receive, send)
            return
        try:
            request = await _read(received)
        except _BadRequest as error:
            await self._send(
                Answer((openai_format.error(str(error), 400),), status=400), scope, receive, send
            )
            return
        self._server.requests.append(request)
        fault = self._server.next_fault(request)
        answer = self._answer(request, empty=fault is not None and fault.kind is Kind.EMPTY)
        await self._send(spoiled(answer, fault) if fault else answer, scope, receive, send)

    async def _send(self, answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
        if answer.refused:
            await _drop(scope, receive)
            return
        await asyncio.sleep(answer.wait)
        headers = {"content-type": answer.media_type, **answer.headers}
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
        if answer.stalled:
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            await _until_gone(receive)
            return
        for number, chunk in enumerate(answer.chunks):
            if number == _BEGINNING and answer.rest is not None:
                await _held_back(answer.rest, receive)
            if answer.paced:
                await self._server.pace(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if answer.dropped:
            await _drop(scope, receive)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _read(request: Request) -> ModelRequest:
    content, content_type = await request.body(), request.headers.get("content-type", "")
    form = content_type.startswith("multipart/form-data")
    body = openai_format.form(content_type, content) if form else _json(content)
    headers = {name: value for name, value in request.headers.items() if name not in SECRET_HEADERS}
    return ModelRequest(path=request.url.path, headers=headers, body=body)


def _json(content: bytes) -> dict[str, Any]:
    try:
        body: Any = json.loads(content) if content else {}
    except ValueError as error:
        raise _BadRequest(f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise _BadRequest("The body must be a JSON object.")
    return body


async def _held_back(rest: threading.Event, receive: Receive) -> None:
    """Wait until the rest may be sent, or the client disconnects."""
    gone = asyncio.create_task(_until_gone(receive))
    while not rest.is_set() and not gone.done():  # noqa: ASYNC110 - set in another thread
        await asyncio.sleep(_LOOK_SECONDS)
    gone.cancel()


async def _drop(scope: Scope, receive: Receive) -> None:
    """Close the connection during the request, so that the client sees it end early."""
    scope["state"]["transport"].close()
    await _until_gone(receive)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def running_model_server(*, port: int = 0) -> Running[ModelServer]:
    """Return a server for a `with` block, on a free port by default."""
    return Running(ModelServer(port=port))


def main() -> None:
    """Serve in the foreground, after printing the base URL."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.model", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--reply", help="answer this to everything, instead of the echo")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each word")
    options = parser.parse_args()
    try:
        server = ModelServer(port=options.port)
    except OSError as error:
        parser.error(f"port {options.port} cannot be used: {error.strerror}")
    if options.reply is not None:
        server.reply(options.reply)
    server.delay_per_chunk = options.delay
    sys.stdout.write(f"{server.base_url}\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        server.run()


if __name__ == "__main__":
    main()
