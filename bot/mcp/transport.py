"""The MCP server over stdin and stdout, or over streamable HTTP for clients that have the token."""

import contextlib
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import anyio
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.http_server import guard_of, is_every_address, on_stop_signal, run_server
from bot.mcp.server import McpServer
from graph.settings.server_settings import McpSettings, parse_address
from graph.studio.http_guard import HttpGuard, has_bearer_token
from memory.errors import ConfigError

PATH = "/mcp"
MOST_BYTES = 1_000_000
"""Longest request body."""
_BLOCK = 65_536
logger = logging.getLogger(__name__)


async def serve_stdio(server: McpServer) -> None:
    """Serve until stdin is closed or the process is stopped; stdout carries only the protocol."""
    with _lines_of(sys.stdin.fileno()) as (lines, end), on_stop_signal(end):
        try:
            async with stdio_server(stdin=lines) as (received, sent):
                await server.run(received, sent, server.create_initialization_options())
        except* BrokenPipeError:
            logger.info("The client disconnected")


@contextlib.contextmanager
def _lines_of(descriptor: int) -> Iterator[tuple[anyio.AsyncFile[str], Callable[[], None]]]:
    """Yield stdin's lines, and a function that ends them: a thread blocked on stdin cannot be woken."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        threading.Thread(target=_pump, args=(descriptor, theirs), name="goat-stdin", daemon=True).start()
        with ours.makefile("r", encoding="utf-8", errors="replace") as text:
            yield anyio.wrap_file(text), lambda: _shut(theirs)


def _pump(descriptor: int, into: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := os.read(descriptor, _BLOCK):
            into.sendall(block)
    _shut(into)


def _shut(channel: socket.socket) -> None:
    with contextlib.suppress(OSError):
        channel.shutdown(socket.SHUT_WR)


async def serve_http(
    server: McpServer, settings: McpSettings, address: str, announce: Callable[[str], None]
) -> None:
    """Serve until the process is stopped; call `announce` with the URL once it is bound.

    Raises:
        ConfigError: the settings do not permit HTTP, or the address cannot be used.
    """
    check_http(settings, address)
    app = http_app(server, settings, address)
    await run_server(app, address, "GOAT_MCP_LISTEN", lambda: announce(f"http://{address}{PATH}"))


def http_app(server: McpServer, settings: McpSettings, address: str) -> ASGIApp:
    """Return the stateless application, which any number of clients may call at once."""
    guard = guard_of(address, settings.mcp_names)
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=MOST_BYTES,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return _token_required(app, settings.mcp_token, guard)


def _token_required(app: ASGIApp, token: SecretStr, guard: HttpGuard) -> ASGIApp:
    """Pass only POST requests with `Authorization: Bearer <token>` to `app`; other bodies are not read.

    The server is stateless: there is no stream to GET and no session to DELETE.
    """

    def refusal(scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if scope["type"] != "http" or not has_bearer_token(headers, token):
            return _without_token(headers)
        if scope["method"] != "POST":
            return PlainTextResponse("Post.", 405, {"Allow": "POST"})
        if refused := guard.refusal(headers):
            status, why = refused
            return PlainTextResponse(why, status)
        return None

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        refused = None if scope["type"] == "lifespan" else refusal(scope)
        await (refused or app)(scope, receive, send)

    return guarded


def _without_token(headers: Headers) -> JSONResponse:
    challenge = 'Bearer realm="goat"' + (', error="invalid_token"' if "authorization" in headers else "")
    what = "Send the header `Authorization: Bearer <token>` with what GOAT_MCP_TOKEN holds."
    return JSONResponse({"error": what}, status_code=401, headers={"WWW-Authenticate": challenge})


def check_http(settings: McpSettings, address: str) -> None:
    """Raise `ConfigError` unless the settings permit HTTP at this address."""
    try:
        host, _ = parse_address(address)
    except ValueError as error:
        raise ConfigError(f"{address!r} is not an address: {error}.") from None
    if not settings.mcp_token.get_secret_value():
        raise ConfigError(
            "Over HTTP the MCP server needs a token: set GOAT_MCP_TOKEN, for instance to what "
            "`openssl rand -hex 32` prints, and give it to the clients."
        )
    if is_every_address(host) and not settings.mcp_names:
        raise ConfigError(
            f"{address} is every address of this machine: set GOAT_MCP_HOSTS to the names by which clients "
            "call it, such as goat.lan:8765."
        )
