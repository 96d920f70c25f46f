"""The MCP server over streamable HTTP, for clients that have the token."""

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.http_server import Server
from bot.mcp.process_signals import on_stop_signal
from bot.mcp.server import McpServer
from graph.settings.server_settings import McpSettings, parse_address
from graph.studio.http_guard import LOOPBACK, HttpGuard, at_any_port, has_bearer_token
from memory.errors import ConfigError

PATH = "/mcp"
MOST_BYTES = 1_000_000
"""Longest request body."""
_CONNECTIONS = 100
_SHUTDOWN_SECONDS = 2


@dataclass(frozen=True, slots=True)
class TokenRequired:
    """Pass only POST requests with `Authorization: Bearer <token>` to `app`; other bodies are not read.

    The server is stateless: there is no stream to GET and no session to DELETE.
    """

    app: ASGIApp
    token: SecretStr
    guard: HttpGuard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that `app` must not see; pass on any other."""
        refusal = None if scope["type"] == "lifespan" else self._refusal(scope)
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if scope["type"] != "http" or not has_bearer_token(headers, self.token):
            return _without_token(headers)
        if scope["method"] != "POST":
            return PlainTextResponse("Post.", 405, {"Allow": "POST"})
        if refusal := self.guard.refusal(headers):
            status, why = refusal
            return PlainTextResponse(why, status)
        return None


def _without_token(headers: Headers) -> JSONResponse:
    challenge = 'Bearer realm="goat"' + (', error="invalid_token"' if "authorization" in headers else "")
    what = "Send the header `Authorization: Bearer <token>` with what GOAT_MCP_TOKEN holds."
    return JSONResponse({"error": what}, status_code=401, headers={"WWW-Authenticate": challenge})


async def serve_http(
    server: McpServer, settings: McpSettings, address: str, announce: Callable[[str], None]
) -> None:
    """Serve until the process is stopped; call `announce` with the URL once it is bound.

    Raises:
        ConfigError: the settings do not permit HTTP, or the address cannot be used.
    """
    check_http(settings, address)
    with _listening(*parse_address(address)) as listener:
        config = uvicorn.Config(
            http_app(server, settings, address),
            log_config=None,
            access_log=False,
            ws="none",
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        serving = Server(config)
        announce(f"http://{address}{PATH}")
        with on_stop_signal(lambda: setattr(serving, "should_exit", True)):
            await serving.serve([listener])


def http_app(server: McpServer, settings: McpSettings, address: str) -> ASGIApp:
    """Return the stateless application, which any number of clients may call at once."""
    hosts = allowed_hosts(settings, address)
    guard = HttpGuard(hosts, [f"{scheme}://{host}" for host in hosts for scheme in ("http", "https")])
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=MOST_BYTES,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return TokenRequired(app, settings.mcp_token, guard)


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
    if _is_any(host) and not settings.mcp_names:
        raise ConfigError(
            f"{address} is every address of this machine: set GOAT_MCP_HOSTS to the names by which clients "
            "call it, such as goat.lan:8765."
        )


def allowed_hosts(settings: McpSettings, address: str) -> list[str]:
    """Return the permitted Host headers; `:*` is any port."""
    host, _ = parse_address(address)
    named = [] if _is_any(host) else [f"[{host}]" if ":" in host else host]
    return at_any_port([*LOOPBACK, *named, *settings.mcp_names])


def _is_any(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except OSError as error:
            raise ConfigError(
                f"The MCP server cannot listen at {host}:{port} ({error.strerror}). Take another address."
            ) from None
        yield listener
