"""What the tools over memory answer."""

from datetime import datetime

from bot.mcp.read_tool import Answer, Quoting


class Hit(Answer):
    """A turn of the archive that was found."""

    turn_id: str
    thread: str
    at: datetime
    said: bool
    """False for what the agent itself noted."""
    foreign: bool
    """It holds text of a third party, such as a document, an import or a page that was read."""
    relevance: float
    """The probability that it belongs to the query, in [0, 1]."""
    text: str
    """Message and reply, cut around the part that matched."""


class Hits(Quoting):
    """What a search found, best first."""

    hits: list[Hit]
    problems: list[str]
    """What could not be searched."""


class FactRead(Answer):
    """A fact."""

    key: str
    value: str
    noted: datetime


class Facts(Quoting):
    """Facts, newest first."""

    facts: list[FactRead]


class IdentityRead(Quoting):
    """Who the agent is for the owner."""

    text: str
    overridden: bool
    """Set in a conversation; otherwise it is the configured persona."""


class Component(Answer):
    """A part of the memory."""

    name: str
    there: bool
    problem: str = ""
    """What to do, when it is not there."""
    about: str = ""


class MemoryStatus(Answer):
    """How the memory does."""

    owner: str
    turns: int | None
    """Archived; None when the archive is not there."""
    first: datetime | None
    latest: datetime | None
    parts: list[Component]
