"""Nobody gets further over HTTP without the token."""

from dataclasses import dataclass

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from graph.http_guard import HttpGuard, bears


@dataclass(frozen=True, slots=True)
class TokenRequired:
    """Let posts with `Authorization: Bearer <token>` through to `app`; the bodies of others are not read.

    Only posts: every request stands alone, so that there is no stream to listen to and no session to end.
    """

    app: ASGIApp
    token: SecretStr
    guard: HttpGuard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in place of the application whatever it must not see."""
        refusal = None if scope["type"] == "lifespan" else self._refusal(scope)
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if scope["type"] != "http" or not bears(headers, self.token):
            return _without_token(headers)
        if scope["method"] != "POST":
            return PlainTextResponse("Post.", 405, {"Allow": "POST"})
        if refusal := self.guard.refusal(headers):
            status, why = refusal
            return PlainTextResponse(why, status)
        return None


def _without_token(headers: Headers) -> JSONResponse:
    told = 'Bearer realm="goat"' + (', error="invalid_token"' if "authorization" in headers else "")
    what = "Send the header `Authorization: Bearer <token>` with what GOAT_MCP_TOKEN holds."
    return JSONResponse({"error": what}, status_code=401, headers={"WWW-Authenticate": told})
