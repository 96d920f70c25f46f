"""The server's routes."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.servers.telegram import body
from tests.servers.telegram.control import Control
from tests.servers.telegram.dispatcher import Broken, Dispatcher, Dropped
from tests.servers.telegram.people import NotThere
from tests.servers.telegram.refusals import Refused

T = TypeVar("T")
UNAUTHORIZED = Refused(401, "Unauthorized")


class Endpoint:
    """One route, as an ASGI application that may close the connection instead of answering."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or close the connection."""
        try:
            response = await self.response(Request(scope, receive))
        except Dropped:
            await _drop(scope, receive)
            return
        except Refused as refused:
            response = _json(refused.body, refused.status)
        except Broken as broken:
            response = HTMLResponse("<html><body><h1>nginx</h1></body></html>", broken.status)
        await response(scope, receive, send)

    async def response(self, request: Request) -> Response:
        """Return the response."""
        raise NotImplementedError

    def check_token(self, request: Request) -> None:
        """Refuse an unknown bot."""
        if request.path_params["token"] != self._dispatcher.state.token:
            raise UNAUTHORIZED


class Methods(Endpoint):
    """`/bot<token>/<method>`."""

    async def response(self, request: Request) -> Response:
        """Call a method."""
        self.check_token(request)
        parameters, method = await body.read(request), request.path_params["method"]
        answering = self._dispatcher.answer(method, parameters)
        polled = method.lower() == "getupdates"
        status, answer = await (_unless_gone(request.receive, answering) if polled else answering)
        return _json(answer, status)


class Downloads(Endpoint):
    """`/file/bot<token>/<path>`; its faults are those of a method called `download`."""

    async def response(self, request: Request) -> Response:
        """Send a file."""
        self.check_token(request)
        parameters = body.Parameters({"file_path": request.path_params["path"]})
        status, answer = await self._dispatcher.answer("download", parameters)
        file = self._dispatcher.state.files.at(request.path_params["path"])
        if status != 200 or file is None:
            return _json(answer, status)
        return Response(file.content, media_type="application/octet-stream")


class Operations:
    """`/control/<operation>`: parameters and result as JSON."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run an operation."""
        response = await self._response(Request(scope, receive))
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        try:
            parameters: dict[str, Any] = json.loads(await request.body() or b"{}")
            result = await self._control.run(request.path_params["operation"], parameters)
        except NotThere as error:
            return _json({"error": str(error)}, 404)
        except (TypeError, ValueError) as error:
            return _json({"error": str(error)}, 400)
        return _json({"result": result})


async def _unless_gone(receive: Receive, answering: Coroutine[Any, Any, T]) -> T:
    """Answer, unless the client disconnects first, which cancels the request."""
    answer, gone = asyncio.create_task(answering), asyncio.create_task(_gone(receive))
    await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
    gone.cancel()
    if answer.done():
        return answer.result()
    answer.cancel()
    raise Dropped


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _drop(scope: Scope, receive: Receive) -> None:
    """Close the connection during the request, so that the client sees it end early."""
    scope["state"]["transport"].close()
    await _gone(receive)


def _json(value: Any, status: int = 200) -> Response:
    """Answer in ASCII, as Telegram does, so that lone surrogates pass."""
    return Response(json.dumps(value), status, media_type="application/json")


def application(dispatcher: Dispatcher, control: Control) -> Starlette:
    """Return the server."""
    return Starlette(
        routes=[
            Route("/bot{token}/{method}", Methods(dispatcher), methods=["GET", "POST"]),
            Route("/file/bot{token}/{path:path}", Downloads(dispatcher), methods=["GET"]),
            Route("/control/{operation}", Operations(control), methods=["POST"]),
        ]
    )
