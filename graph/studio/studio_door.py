"""Access control of Studio's server: allowed hosts and origins, and the token."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graph.settings.server_settings import StudioSettings, split_names
from graph.studio.http_guard import LOOPBACK, HttpGuard, Refusal, at_any_port, equals_secret, has_bearer_token
from graph.studio.studio_token import StudioToken
from memory.errors import ConfigError

API_KEY = "x-api-key"
"""Header in which langgraph-sdk sends `api_key`."""
OPEN_TO_ALL = ("GET", "/ok")
"""Health check, which reveals nothing else."""
_OWN_CALLS = "/noauth"
"""Root path of the server's calls to itself; requests from outside cannot have it."""
_EXPOSED = ("x-pagination-total", "x-pagination-next", "content-location")
"""Headers that LangGraph exposes to pages."""
_CLOSED = 1008
_LOCKED = (
    "Show the token of this server as the header x-api-key or Authorization: Bearer; it was printed when the "
    "server started. langgraph-sdk takes it as api_key, or from LANGGRAPH_API_KEY."
)


class DoorConfig(NamedTuple):
    """Configuration of the door, read at startup."""

    settings: StudioSettings
    token: StudioToken
    url: str
    """The server's own URL; its host is allowed too."""
    announcement: str
    """Message to the person who started the server."""


class StudioDoor:
    """Middleware around LangGraph's application and its middleware."""

    def __init__(
        self, app: ASGIApp, open_: Callable[[], DoorConfig], announce: Callable[[str], None]
    ) -> None:
        self._app, self._open, self._announce = app, open_, announce
        self._guarded: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Configure on startup; then check requests."""
        if scope["type"] == "lifespan":
            opened = await asyncio.to_thread(self._open)
            self._guarded = add_checks(self._app, opened.settings, opened.token, opened.url)
            await self._app(scope, receive, self._telling(send, opened.announcement))
        elif scope.get("root_path") == _OWN_CALLS:
            await self._app(scope, receive, send)
        elif self._guarded is None:
            raise ConfigError("The server has not been started.")
        else:
            await self._guarded(scope, receive, send)

    def _telling(self, send: Send, announcement: str) -> Send:
        async def telling(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                self._announce(announcement)

        return telling


def add_checks(app: ASGIApp, settings: StudioSettings, token: StudioToken, url: str) -> ASGIApp:
    """Wrap the application in all checks."""
    origins = settings.studio_pages
    with_token = _TokenRequired(app, token, origins)
    cors = CORSMiddleware(
        with_token,
        allow_origins=origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=_EXPOSED,
        allow_private_network=True,
    )
    hosts = at_any_port([*LOOPBACK, urlsplit(url).netloc, *split_names(settings.studio_hosts)])
    return _RequestChecks(cors, HttpGuard(hosts, origins))


@dataclass(frozen=True, slots=True)
class _RequestChecks:
    """Refuses requests of other websites before they are read."""

    app: ASGIApp
    guard: HttpGuard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if refusal := self.guard.refusal(Headers(scope=scope)):
            await _refuse(refusal, scope, receive, send)
        else:
            await self.app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class _TokenRequired:
    """Accepts requests with the token, or from a Studio page with its key in the path.

    Studio's page cannot send custom headers, but keeps the path of its base URL.
    """

    app: ASGIApp
    token: StudioToken
    origins: tuple[str, ...]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if headers.get("origin") in self.origins:
            scope = self._with_token(scope)
        if (scope.get("method"), scope["path"]) == OPEN_TO_ALL or has_token(Headers(scope=scope), self.token):
            await self.app(scope, receive, send)
        else:
            await _refuse((401, _LOCKED), scope, receive, send)

    def _with_token(self, scope: Scope) -> Scope:
        """Remove the key from the path, and add the token as a header."""
        first, slash, rest = scope["path"].removeprefix("/").partition("/")
        if not equals_secret(first, self.token.key):
            return scope
        changed = {**scope, "path": slash + rest or "/", "headers": list(scope["headers"])}
        changed["raw_path"] = scope.get("raw_path", b"").removeprefix(f"/{first}".encode()) or b"/"
        MutableHeaders(scope=changed)[API_KEY] = self.token.secret.get_secret_value()
        return changed


def has_token(headers: Headers, token: StudioToken) -> bool:
    """Return True when one of the request's headers has the token."""
    return equals_secret(headers.get(API_KEY, ""), token.secret.get_secret_value()) or has_bearer_token(
        headers, token.secret
    )


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    status, why = refusal
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _CLOSED, "reason": why[:100]})
    else:
        await JSONResponse({"detail": why}, status)(scope, receive, send)
