"""What holds for any message: the range is in the past, not empty, and moves with the calendar."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from memory.temporal import written_dates as dates
from memory.temporal.message_text import fold, normalise_message
from memory.temporal.time_finder import find_range

WORDS = """
what did I say you told ce am zis ți-ai spus ieri yesterday today azi last past luna month weeks trecută
ultimele acum ago 3 31 half o jumătate de oră hours ani year years 2022 2023 99999999 in în on pe since
from to between and între și până Monday luni marți May mai martie February 29 the a few couple of about
vreo night this morning dimineață summer vara winter iarna Crăciun Christmas weekend 12.05.2023
2023-05-07 31.02.2023 ? . , ` " > born will 0 în urmă earlier other day zilele trecute
"""
ANY = st.text(alphabet=st.characters(exclude_categories=[]), max_size=300)
TIMELY = st.lists(st.sampled_from(WORDS.split()), max_size=14).map(" ".join)
ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in ("Europe/Bucharest", "UTC", "America/St_Johns", "Pacific/Apia", "Asia/Beirut")
    ]
)
NOWS = st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1), timezones=ZONES)  # noqa: DTZ001
ALL_NOWS = st.datetimes(timezones=st.just(UTC))
WEEKDAYS = st.sampled_from(
    [
        *("on Monday", "last Tuesday", "on Friday evening", "last week", "last weekend", "5 days ago"),
        *("the day before yesterday", "two weeks ago", "since Sunday", "between Monday and Thursday"),
        "in the past 3 days",
    ]
)
ROMANIAN_WEEKDAYS = st.sampled_from(
    [
        "luni", "marți dimineață", "săptămâna trecută", "weekendul trecut", "acum două săptămâni", "aseară",
        "azi",
    ]
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    dates.warm_up()


@given(ANY | TIMELY, NOWS | ALL_NOWS, ZONES)
def test_a_range_is_past_and_not_empty(message: str, now: datetime, zone: tzinfo) -> None:
    found = find_range(message, now=now, zone=zone)
    if found:
        assert found.start < found.end <= now
        assert found.start.tzinfo is found.end.tzinfo is UTC
        assert found.text
        assert found.text in normalise_message(message)


@given(ANY | TIMELY)
def test_folding_keeps_the_length(message: str) -> None:
    text = normalise_message(message)
    assert len(fold(text)) == len(text)


@given(WEEKDAYS | ROMANIAN_WEEKDAYS, st.integers(-300, 300), st.integers(0, 6), st.integers(1, 23 * 60))
def test_whole_weeks_later_it_is_whole_weeks_later(words: str, weeks: int, day: int, minute: int) -> None:
    message = f"what did I say {words}, ce am zis {words}?"
    now = datetime(2024, 5, 13, tzinfo=UTC) + timedelta(days=day, minutes=minute)
    later = timedelta(weeks=weeks)
    first = find_range(message, now=now, zone=UTC)
    second = find_range(message, now=now + later, zone=UTC)
    assert first
    assert second
    assert (second.start - first.start, second.end - first.end) == (later, later)


@given(TIMELY, NOWS, ZONES)
def test_case_and_diacritics_make_no_difference(message: str, now: datetime, zone: tzinfo) -> None:
    plain = message.translate(str.maketrans("ăâîșțĂÂÎȘȚ", "aaistAAIST"))
    found = [find_range(text, now=now, zone=zone) for text in (message, plain, plain.upper())]
    spans = [(each.start, each.end) if each else None for each in found]
    assert spans[0] == spans[1] == spans[2]


@given(NOWS, ZONES.filter(lambda zone: zone.key != "Pacific/Apia"))  # which left 30 December 2011 out
def test_yesterday_is_one_day_that_ends_before_today(now: datetime, zone: tzinfo) -> None:
    found = find_range("what did I say yesterday?", now=now, zone=zone)
    assert found
    assert timedelta(hours=22) <= found.end - found.start <= timedelta(hours=26)
    assert found.end.astimezone(zone).date() <= now.astimezone(zone).date()


@given(st.integers(1, 400), st.sampled_from(["days", "hours", "weeks", "months", "minutes"]), NOWS)
def test_the_time_ago_lies_within_its_range(count: int, unit: str, now: datetime) -> None:
    found = find_range(f"what did I say {count} {unit} ago?", now=now, zone=UTC)
    assert found
    hours = {"minutes": 1 / 60, "hours": 1.0, "days": 24.0, "weeks": 168.0}.get(unit)
    if hours:
        assert found.start <= now.astimezone(UTC) - timedelta(hours=hours) * count <= found.end
