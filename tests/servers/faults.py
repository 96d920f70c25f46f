"""Ways in which a model endpoint goes wrong, and how each looks on the wire."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tests.servers import openai_format

HTML = b"<html><head><title>Error</title></head><body><h1>Something is wrong</h1></body></html>"
GARBAGE = (b"data: {not json\n\n", b"\xff\xfe<<<\n\n")


class Kind(StrEnum):
    """What goes wrong."""

    REFUSE = "refuse"
    STATUS = "status"
    STALL = "stall"
    HALF = "half"
    GARBAGE = "garbage"
    EMPTY = "empty"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with the next `times` requests."""

    kind: Kind
    times: int = 1
    code: int = 500
    html: bool = False
    retry_after: float | None = None
    """Seconds, sent as `Retry-After`."""
    said: str = ""
    """What the error says, when it matters."""
    seconds: float = 0.0
    """How long the first byte is held back."""
    about: str = ""
    """Words that a request must hold for this to befall it; the requests before it pass unharmed."""

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
        """Send the headers, then nothing, until the client goes away."""
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
        """Answer well-formed, with no text in it."""
        return cls(Kind.EMPTY, times)

    @classmethod
    def slow(cls, seconds: float, times: int = 1, *, about: str = "") -> "Fault":
        """Hold the first byte back."""
        return cls(Kind.SLOW, times, seconds=seconds, about=about)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes over the wire, and when."""

    chunks: tuple[bytes, ...]
    media_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    """Seconds until the first byte."""
    rest: threading.Event | None = None
    """Until this is set, what begins the answer is all that comes."""
    paced: bool = False
    """The chunks come at the pace that the server has at the time."""
    refused: bool = False
    """Nothing is sent: the connection is closed."""
    dropped: bool = False
    """The connection is closed after the last chunk, without an end."""
    stalled: bool = False
    """Nothing follows the last chunk, and the connection stays open."""


def spoiled(answer: Answer, fault: Fault) -> Answer:
    """Return `answer` as `fault` leaves it; `empty` must be seen to before the answer is rendered."""
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
