"""Nobody gets further over HTTP without the token."""

import hmac
from dataclasses import dataclass

from pydantic import SecretStr
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class TokenRequired:
    """Let posts with `Authorization: Bearer <token>` through to `app`; the bodies of others are not read.

    Only posts: every request stands alone, so that there is no stream to listen to and no session to end.
    """

    app: ASGIApp
    token: SecretStr

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or 405 instead of the application."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif not self._is_allowed(scope):
            await _refusal(scope)(scope, receive, send)
        elif scope["method"] != "POST":
            await PlainTextResponse("Post.", 405, {"Allow": "POST"})(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _is_allowed(self, scope: Scope) -> bool:
        shown = _credentials(scope)
        if scope["type"] != "http" or len(shown) != 1:
            return False
        scheme, _, token = shown[0].partition(b" ")
        known = self.token.get_secret_value().encode()
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), known)


def _credentials(scope: Scope) -> list[bytes]:
    return [value for name, value in scope.get("headers", ()) if name == b"authorization"]


def _refusal(scope: Scope) -> JSONResponse:
    told = 'Bearer realm="goat"' + (', error="invalid_token"' if _credentials(scope) else "")
    what = "Send the header `Authorization: Bearer <token>` with what GOAT_MCP_TOKEN holds."
    return JSONResponse({"error": what}, status_code=401, headers={"WWW-Authenticate": told})
