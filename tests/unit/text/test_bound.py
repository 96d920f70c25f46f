"""A time that is named as a bound."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from memory.temporal.named_bound import read_bound
from tests.tables import each

NOW = datetime(2026, 3, 18, 15, tzinfo=UTC)
"""A Wednesday."""
ZONE = timezone(timedelta(hours=2))


@each(
    ("text", "day"),
    [
        ("today", "2026-03-18"),
        ("Azi", "2026-03-18"),
        ("astăzi", "2026-03-18"),
        ("this week", "2026-03-16"),
        ("this  month", "2026-03-01"),
        ("Monday", "2026-03-16"),
        ("marți", "2026-03-17"),
        ("wednesday", "2026-03-11"),
        ("2026-03", "2026-03-01"),
        ("2026-03-05", "2026-03-05"),
        ("yesterday", "2026-03-17"),
        ("hier", "2026-03-17"),
        ("last week", "2026-03-09"),
        ("Friday a few weeks ago", "2026-02-13"),
        ("november 3", "2025-11-03"),
    ],
)
def test_the_day_begins_where_it_is_asked(text: str, day: str) -> None:
    begun = datetime.fromisoformat(day).replace(tzinfo=ZONE)
    assert read_bound(text, now=NOW, zone=ZONE) == begun


@each("text", ["", "not yesterday", "nu ieri", "without last week", "2026-13", "now", "\0"])
def test_what_is_no_time_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time: write a date"):
        read_bound(text, now=NOW, zone=ZONE)


@each("text", ["2026-13-01", "2026-02-30", "2026-13", "2026-13-01T10:00"])
def test_a_day_that_the_calendar_lacks_is_not_another_day(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time: write a date"):
        read_bound(text, now=NOW, zone=ZONE)
