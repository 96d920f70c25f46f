"""What the tools are called with."""

from typing import Annotated, Literal

from pydantic import Field

from bot.mcp.read_tool import Arguments

_TIME = "a date such as 2026-03-01, a time such as 2026-03-01T14:30, or words such as `last week`"
Id = Annotated[str, Field(max_length=300)]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Nothing(Arguments):
    """No arguments."""


class SearchMemory(Arguments):
    """What to search for, and when it was."""

    query: Annotated[str, Field(min_length=1, max_length=2000)]
    """What to look for, in any language: words, meaning, or a key such as ABC-123."""
    after: Annotated[str, Field(max_length=100, description=f"Only from then on: {_TIME}; empty: any.")] = ""
    before: Annotated[str, Field(max_length=100, description=f"Only before then: {_TIME}; empty: any.")] = ""
    limit: Annotated[int, Field(ge=1, le=50)] = 8
    """The most results."""


class ReadFacts(Arguments):
    """Which facts."""

    as_of: Annotated[str, Field(max_length=100, description=f"As they stood then: {_TIME}; empty: now.")] = ""
    key: Annotated[str, Field(max_length=200)] = ""
    """Every value that this key ever had; empty: all facts."""


class GetTurn(Arguments):
    """Which turn."""

    turn_id: Annotated[str, Field(min_length=1, max_length=300)]
    """As `search_memory` and `list_threads` give it."""


class DiagnoseTurn(Arguments):
    """Which turn."""

    turn_id: Id = ""
    """As `search_memory` and `list_threads` give it; empty: the latest turn that was observed."""


class ListThreads(Arguments):
    """How many."""

    limit: Annotated[int, Field(ge=1, le=200)] = 20
    """The most threads, the latest first."""


class ThreadState(Arguments):
    """Which thread."""

    thread: Annotated[str, Field(min_length=1, max_length=300)]
    """As `list_threads` gives it."""


class GetMetrics(Arguments):
    """How many days."""

    days: Annotated[int, Field(ge=1, le=90)] = 7
    """Today and the days before it, in UTC."""


class ReadLogs(Arguments):
    """Which lines."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    """The most lines."""
    level: Level = "INFO"
    """Lines of this level and graver ones."""
