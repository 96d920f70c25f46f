"""Day breaks in a conversation, so that a past "yesterday" keeps its meaning."""

from collections.abc import Sequence
from datetime import datetime, tzinfo


def find_day_breaks(times: Sequence[datetime], now: datetime, zone: tzinfo) -> list[bool]:
    """Return for each of ascending `times` whether it begins a day; all False if all are of today."""
    days = [at.astimezone(zone).date() for at in times]
    if not days or {*days} == {now.astimezone(zone).date()}:
        return [False] * len(days)
    return [place == 0 or days[place - 1] != day for place, day in enumerate(days)]
