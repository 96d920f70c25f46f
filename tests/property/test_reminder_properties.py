"""Reminders in any words, at any time and in any zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st

from memory.reminders.reminder import Origin, Reminder, Schedule
from memory.reminders.reminder_request import read_requests
from memory.reminders.repetition import last_days
from memory.reminders.told_event import read_event

ZONES = st.sampled_from(
    ["UTC", "Europe/Bucharest", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]
).map(ZoneInfo)
MOMENTS = st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2035-01-01")).map(
    lambda moment: moment.replace(tzinfo=UTC)
)
MATTERS = st.sampled_from(["call the notary", "să sun notarul", "buy 3 eggs", "swim"])
RULES = st.sampled_from(
    ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,FR", "FREQ=MONTHLY", "FREQ=HOURLY;INTERVAL=5", "FREQ=YEARLY"]
)
WORDS = st.lists(
    st.sampled_from(
        [
            "remind",
            "me",
            "to",
            "at",
            "9",
            "on",
            "Friday",
            "every",
            "day",
            "in",
            "3",
            "hours",
            "amintește-mi",
            "să",
        ]
    )
    | st.sampled_from(
        ["mâine", "la", "25", "99", "pe", "31", "februarie", "tomorrow", "next", "week", "half"]
    )
    | st.sampled_from(
        [
            "past",
            "0",
            "14.03",
            "1.5",
            "and",
            "minutes",
            "before",
            "the",
            "month",
            "of",
            "peste",
            "și",
            ".",
            "?",
            "!",
            "'",
            "exam",
            "my",
        ]
    ),
    max_size=14,
).map(" ".join)


@given(MOMENTS, ZONES, st.integers(0, 23), st.integers(0, 59), MATTERS, st.booleans())
def test_an_hour_of_tomorrow_is_that_hour_on_the_clock_there(
    now: datetime, zone: ZoneInfo, hour: int, minute: int, matter: str, romanian: bool
) -> None:
    at = f"{hour:02}:{minute:02}"
    said = f"amintește-mi mâine la {at}: {matter}" if romanian else f"remind me tomorrow at {at} to {matter}"
    (found,) = read_requests(said, now=now, zone=zone)
    assert found.schedule is not None
    assert found.text == matter
    assert found.schedule.at > now
    assert found.schedule.first == datetime.combine(
        now.astimezone(zone).date() + timedelta(days=1), datetime.min.time().replace(hour=hour, minute=minute)
    )


@given(WORDS | st.text(max_size=80), MOMENTS, ZONES)
def test_no_words_are_read_as_a_time_that_is_over(words: str, now: datetime, zone: ZoneInfo) -> None:
    requests, event = read_requests(words, now=now, zone=zone), read_event(words, now=now, zone=zone)
    assert all(one.schedule is None or one.schedule.at > now for one in requests)
    assert event is None or event.schedule.at > now


@given(MOMENTS, ZONES, RULES)
def test_repeated_times_grow_and_none_comes_before_its_hour(
    moment: datetime, zone: ZoneInfo, rule: str
) -> None:
    first = moment.replace(tzinfo=None, microsecond=0)
    schedule: Schedule | None = Schedule.starting(first, zone, rule)
    for _ in range(4):
        assert schedule is not None
        following = schedule.after(schedule.at)
        assert following is not None
        assert following.at > schedule.at
        schedule = following


@given(st.text(max_size=40), MOMENTS, ZONES, RULES | st.just(""))
def test_a_stored_reminder_is_read_as_it_was(text: str, moment: datetime, zone: ZoneInfo, rule: str) -> None:
    reminder = Reminder(
        id="1",
        owner=text,
        text=text,
        schedule=Schedule.starting(moment.replace(tzinfo=None), zone, rule),
        origin=Origin(box="terminal:ana", speaker=text),
        asked=moment,
    )
    assert Reminder.from_json(reminder.to_json()) == reminder


def next_times(schedule: Schedule | None, count: int) -> list[datetime]:
    times = list[datetime]()
    while schedule is not None and len(times) < count:
        times.append(schedule.at)
        schedule = schedule.after(schedule.at)
    return times


def repeated(first: date) -> list[str]:
    """Return rules that begin on a day: weekly, fortnightly on two days, and monthly."""
    names = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
    day, later = first.weekday(), min(first.weekday() + 2, 6)
    days = ",".join(dict.fromkeys([names[day], names[later]]))
    monthly = ";".join(["FREQ=MONTHLY", *last_days("MONTHLY", first)])
    return [f"FREQ=WEEKLY;BYDAY={names[day]}", f"FREQ=WEEKLY;INTERVAL=2;BYDAY={days}", monthly]


@given(st.dates(date(2020, 1, 1), date(2035, 1, 1)), st.integers(0, 24 * 27), st.integers(0, 2))
def test_what_repeats_is_reminded_of_as_long_before_each_time(day: date, hours: int, rule: int) -> None:
    first, lead = datetime.combine(day, datetime.min.time().replace(hour=9)), timedelta(hours=hours)
    event = Schedule.starting(first, ZoneInfo("UTC"), repeated(day)[rule])
    before = [time - lead for time in next_times(event, 14)]
    assert next_times(event.earlier(lead), 14) == before
