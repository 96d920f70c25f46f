"""Checks of HTTP requests to a local server: host, origin, content type, token."""

import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pydantic import SecretStr
from starlette.datastructures import Headers

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_JSON = "application/json"
_ANY_PORT = ":*"

Refusal = tuple[int, str]
"""Status and reason."""


@dataclass(frozen=True, slots=True)
class HttpGuard:
    """Refuses requests that another website's page could send, also by DNS rebinding."""

    hosts: Collection[str]
    """Allowed values of Host, from `at_any_port`."""
    origins: Collection[str]
    """Allowed values of Origin; pages of this server and other clients send none."""

    def refusal(self, headers: Headers) -> Refusal | None:
        """Return why a request is refused; None when it is accepted."""
        if not _is_among(headers.get("host", ""), self.hosts):
            return 421, "Invalid Host header"
        origin = headers.get("origin")
        if origin is not None and not _is_among(origin, self.origins):
            return 403, "Invalid Origin header"
        if _has_body(headers) and headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
            return 415, f"Invalid Content-Type header: send {_JSON}"
        return None


def at_any_port(names: Iterable[str]) -> list[str]:
    """Return each name without a port and with any port."""
    return [form for name in dict.fromkeys(names) for form in (name, f"{name}{_ANY_PORT}")]


def has_bearer_token(headers: Headers, token: SecretStr) -> bool:
    """Return True when the request has one Authorization header: `Bearer` and the token."""
    given = bearer_token(headers)
    return bool(given) and equals_secret(given, token.get_secret_value())


def bearer_token(headers: Headers) -> str:
    """Return the token after `Bearer` in the one Authorization header; else ""."""
    shown = headers.getlist("authorization")
    scheme, _, given = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    return given.strip() if scheme.lower() == "bearer" else ""


def equals_secret(given: str, secret: str) -> bool:
    """Compare with a secret in constant time."""
    return hmac.compare_digest(given.encode(), secret.encode())


def _is_among(value: str, allowed: Collection[str]) -> bool:
    return value in allowed or value.rpartition(":")[0] + _ANY_PORT in allowed


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
