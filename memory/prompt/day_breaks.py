"""The days of a conversation: where a new one begins, so that a past "yesterday" keeps its meaning."""

from collections.abc import Sequence
from datetime import datetime, tzinfo


def new_days(times: Sequence[datetime], now: datetime, zone: tzinfo) -> list[bool]:
    """Return for each of ascending `times` whether it opens a day; none does when all are of today."""
    days = [at.astimezone(zone).date() for at in times]
    if not days or {*days} == {now.astimezone(zone).date()}:
        return [False] * len(days)
    return [place == 0 or days[place - 1] != day for place, day in enumerate(days)]
