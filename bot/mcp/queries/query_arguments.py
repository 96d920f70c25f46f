"""Arguments of the tools."""

from datetime import UTC, datetime, tzinfo
from typing import Annotated, Literal

from pydantic import Field

from bot.mcp.read_tool import Arguments, InvalidCall
from memory.temporal.named_bound import read_bound

_TIME = "a date such as 2026-03-01, a time such as 2026-03-01T14:30, or words such as `last week`"
_DAWN, _END = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
Id = Annotated[str, Field(max_length=300)]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class NoArguments(Arguments):
    """No arguments."""


class SearchMemory(Arguments):
    """A query, and optionally a time range."""

    query: Annotated[str, Field(min_length=1, max_length=2000)]
    """What to look for, in any language: words, a meaning, or a key such as ABC-123."""
    after: Annotated[
        str, Field(max_length=100, description=f"Only from this time on: {_TIME}; empty: any.")
    ] = ""
    before: Annotated[
        str, Field(max_length=100, description=f"Only before this time: {_TIME}; empty: any.")
    ] = ""
    limit: Annotated[int, Field(ge=1, le=50)] = 8
    """Maximum number of results."""


class ReadFacts(Arguments):
    """A time or a key."""

    as_of: Annotated[str, Field(max_length=100, description=f"As of this time: {_TIME}; empty: now.")] = ""
    key: Annotated[str, Field(max_length=200)] = ""
    """Read every value that this key ever had; empty: all facts."""


class GetTurn(Arguments):
    """A turn."""

    turn_id: Annotated[str, Field(min_length=1, max_length=300)]
    """Id from `search_memory` or `list_threads`."""


class DiagnoseTurn(Arguments):
    """A turn."""

    turn_id: Id = ""
    """Id from `search_memory` or `list_threads`; empty: the latest observed turn."""


class ListThreads(Arguments):
    """A limit."""

    limit: Annotated[int, Field(ge=1, le=200)] = 20
    """Maximum number of threads, the latest first."""


class ThreadState(Arguments):
    """A thread."""

    thread: Annotated[str, Field(min_length=1, max_length=300)]
    """Id from `list_threads`."""


class GetMetrics(Arguments):
    """A number of days."""

    days: Annotated[int, Field(ge=1, le=90)] = 7
    """Today and the days before, in UTC."""


class ReadLogs(Arguments):
    """A limit and a level."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    """Maximum number of lines."""
    level: Level = "INFO"
    """Lowest level of the lines."""


def parse_time(name: str, text: str, *, now: datetime, zone: tzinfo) -> datetime | None:
    """Parse the time in argument `name`; return None when it is empty.

    Raises:
        InvalidCall: it is not a time; says what to write.
    """
    if not text.strip():
        return None
    try:
        return read_bound(text, now=now, zone=zone)
    except ValueError as error:
        raise InvalidCall(f"{name}: {error}") from None


def time_range(after: str, before: str, *, now: datetime, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """Return the half-open range between two bounds; None when both are empty.

    Raises:
        InvalidCall: a bound is not a time, or the range is empty.
    """
    start = parse_time("after", after, now=now, zone=zone)
    end = parse_time("before", before, now=now, zone=zone)
    if start is None and end is None:
        return None
    first, last = start or _DAWN, end or _END
    if first >= last:
        raise InvalidCall("`after` is not earlier than `before`: swap them.")
    return first, last
