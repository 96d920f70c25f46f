"""Errors of the Bot API."""

from typing import Any


class Refused(Exception):
    """A call answered with `ok: false`."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters

    @property
    def body(self) -> dict[str, Any]:
        """The answer, as JSON."""
        body = {"ok": False, "error_code": self.status, "description": self.description}
        return body | ({"parameters": self.parameters} if self.parameters else {})


def bad_request(description: str) -> Refused:
    """Return an error about the parameters."""
    return Refused(400, f"Bad Request: {description}")


def forbidden(description: str) -> Refused:
    """Return an error about a missing permission."""
    return Refused(403, f"Forbidden: {description}")


def too_many_requests(seconds: int) -> Refused:
    """Return the answer to a flood."""
    return Refused(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
