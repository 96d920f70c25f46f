"""Answers of the tools over the memory."""

from datetime import datetime

from bot.mcp.read_tool import Answer, QuotingAnswer


class Hit(Answer):
    """A turn that a search found."""

    turn_id: str
    thread: str
    at: datetime
    said: bool
    """False for a note that the agent wrote itself."""
    foreign: bool
    """Holds a third party's text, such as a document, an import or a web page."""
    relevance: float
    """Probability in [0, 1] that it is relevant to the query."""
    text: str
    """Message and reply, cut to the part that matched."""


class Hits(QuotingAnswer):
    """Results of a search, best first."""

    hits: list[Hit]
    problems: list[str]
    """Indexes that could not be searched, and why."""


class FactRead(Answer):
    """A fact."""

    key: str
    value: str
    noted: datetime


class Facts(QuotingAnswer):
    """Facts, newest first."""

    facts: list[FactRead]


class IdentityRead(QuotingAnswer):
    """The agent's identity for the owner."""

    text: str
    overridden: bool
    """True when it was set in a conversation; false for the configured persona."""


class Component(Answer):
    """A part of the memory."""

    name: str
    there: bool
    problem: str = ""
    """How to repair it, when it is down."""
    about: str = ""


class MemoryStatus(Answer):
    """Size and health of the memory."""

    owner: str
    turns: int | None
    """Number of archived turns; None when the archive is down."""
    first: datetime | None
    latest: datetime | None
    parts: list[Component]
