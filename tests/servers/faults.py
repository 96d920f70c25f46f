"""Faults of a model endpoint, and their form on the wire."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tests.servers import openai_format

HTML = b"<html><head><title>Error</title></head><body><h1>Something is wrong</h1></body></html>"
GARBAGE = (b"data: {not json\n\n", b"\xff\xfe<<<\n\n")


class Kind(StrEnum):
    """Kind of a fault."""

    REFUSE = "refuse"
    STATUS = "status"
    STALL = "stall"
    HALF = "half"
    GARBAGE = "garbage"
    EMPTY = "empty"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the next `times` requests."""

    kind: Kind
    times: int = 1
    code: int = 500
    html: bool = False
    retry_after: float | None = None
    """Seconds, sent as `Retry-After`."""
    said: str = ""
    """Message of the error."""
    seconds: float = 0.0
    """Delay of the first byte."""
    about: str = ""
    """Words that a request must hold to be affected; requests before it pass."""

    @classmethod
    def refuse(cls, times: int = 1) -> "Fault":
        """Close the connection before an answer."""
        return cls(Kind.REFUSE, times)

    @classmethod
    def status(
        cls,
        code: int,
        *,
        html: bool = False,
        retry_after: float | None = None,
        times: int = 1,
        said: str = "",
    ) -> "Fault":
        """Answer with an HTTP status, and an error as JSON or as an HTML page."""
        return cls(Kind.STATUS, times, code=code, html=html, retry_after=retry_after, said=said)

    @classmethod
    def stall(cls, times: int = 1, *, about: str = "") -> "Fault":
        """Send the headers, then nothing until the client disconnects."""
        return cls(Kind.STALL, times, about=about)

    @classmethod
    def half(cls, times: int = 1) -> "Fault":
        """Send half the answer, then drop the connection."""
        return cls(Kind.HALF, times)

    @classmethod
    def garbage(cls, times: int = 1) -> "Fault":
        """Send something that is neither JSON nor events, with status 200."""
        return cls(Kind.GARBAGE, times)

    @classmethod
    def empty(cls, times: int = 1) -> "Fault":
        """Answer well-formed, with an empty text."""
        return cls(Kind.EMPTY, times)

    @classmethod
    def slow(cls, seconds: float, times: int = 1, *, about: str = "") -> "Fault":
        """Delay the first byte."""
        return cls(Kind.SLOW, times, seconds=seconds, about=about)


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of an answer, and their timing."""

    chunks: tuple[bytes, ...]
    media_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    """Seconds until the first byte."""
    rest: threading.Event | None = None
    """Only the beginning of the answer is sent until this is set."""
    paced: bool = False
    """The chunks are sent at the server's current pace."""
    refused: bool = False
    """Close the connection without sending anything."""
    dropped: bool = False
    """Close the connection after the last chunk, without the end of the answer."""
    stalled: bool = False
    """Keep the connection open after the last chunk."""


def spoiled(answer: Answer, fault: Fault) -> Answer:
    """Return `answer` changed by `fault`; `empty` must be applied before the answer is rendered."""
    spoils: dict[Kind, Callable[[], Answer]] = {
        Kind.REFUSE: lambda: replace(answer, refused=True),
        Kind.STATUS: lambda: _status(fault),
        Kind.STALL: lambda: replace(answer, chunks=(), stalled=True),
        Kind.HALF: lambda: replace(answer, chunks=_half(answer.chunks), dropped=True),
        Kind.GARBAGE: lambda: replace(answer, chunks=GARBAGE),
        Kind.SLOW: lambda: replace(answer, wait=fault.seconds),
        Kind.EMPTY: lambda: answer,
    }
    return spoils[fault.kind]()


def _status(fault: Fault) -> Answer:
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    if fault.html:
        return Answer((HTML,), "text/html", fault.code, headers)
    body = openai_format.error(fault.said or f"The test server answers {fault.code}.", fault.code)
    return Answer((body,), status=fault.code, headers=headers)


def _half(chunks: tuple[bytes, ...]) -> tuple[bytes, ...]:
    if len(chunks) == 1:
        return (chunks[0][: len(chunks[0]) // 2],)
    return chunks[: len(chunks) // 2]
