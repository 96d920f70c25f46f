"""The time that a search is held to."""

from datetime import UTC, datetime, tzinfo

from bot.mcp.read_tool import Refused
from memory.temporal.named_bound import read_bound

_DAWN, _END = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


def moment(name: str, text: str, *, now: datetime, zone: tzinfo) -> datetime | None:
    """Read the time in the argument `name`; None when it is empty.

    Raises:
        Refused: it is no time; says what to write.
    """
    if not text.strip():
        return None
    try:
        return read_bound(text, now=now, zone=zone)
    except ValueError as error:
        raise Refused(f"{name}: {error}") from None


def span(after: str, before: str, *, now: datetime, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """Return the half-open time between two bounds; None when both are open.

    Raises:
        Refused: one is no time, or nothing can lie between them.
    """
    start = moment("after", after, now=now, zone=zone)
    end = moment("before", before, now=now, zone=zone)
    if start is None and end is None:
        return None
    first, last = start or _DAWN, end or _END
    if first >= last:
        raise Refused("`after` is not before `before`: nothing can lie between them. Swap them.")
    return first, last
