"""Requests for reminders and events to come, in people's words."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from memory.reminders.reminder import Schedule
from memory.reminders.reminder_request import read_move, read_requests
from memory.reminders.told_event import read_event

ZONE = ZoneInfo("Europe/Bucharest")
NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
"""A Monday, 14:30 in Bucharest."""

REQUESTS = {
    "remind me on Friday at 9 to call the notary": ("call the notary", "Fri 2026-11-27 09:00", ""),
    "Please remind me tomorrow to buy milk": ("buy milk", "Tue 2026-11-24 09:00", ""),
    "remind me in 10 minutes to check the oven": ("check the oven", "Mon 2026-11-23 14:40", ""),
    "remind me to check the oven in half an hour": ("check the oven", "Mon 2026-11-23 15:00", ""),
    "remind me in 1 hour and 30 minutes to call": ("call", "Mon 2026-11-23 16:00", ""),
    "remind me to call in 2 hours 15 minutes": ("call", "Mon 2026-11-23 16:45", ""),
    "remind me in an hour and a quarter to call": ("call", "Mon 2026-11-23 15:45", ""),
    "remind me in a day, 2 hours and 10 minutes to call": ("call", "Tue 2026-11-24 16:40", ""),
    "remind me in a week and 2 days to call": ("call", "Wed 2026-12-02 09:00", ""),
    "remind me in a month and 2 days to call": ("call", "Fri 2026-12-25 09:00", ""),
    "remind me 1 hour and 30 minutes from now to call": ("call", "Mon 2026-11-23 16:00", ""),
    "remind me 1 hour and 30 minutes before the meeting at 20": (
        "1 hour and 30 minutes before the meeting",
        "Mon 2026-11-23 18:30",
        "",
    ),
    "remind me in 2 hours and 2 eggs to buy": ("and 2 eggs to buy", "Mon 2026-11-23 16:30", ""),
    "amintește-mi peste 2 ore și 30 de minute să sun": ("să sun", "Mon 2026-11-23 17:00", ""),
    "amintește-mi peste o oră și 15 minute să sun": ("să sun", "Mon 2026-11-23 15:45", ""),
    "amintește-mi peste o oră și un sfert să sun": ("să sun", "Mon 2026-11-23 15:45", ""),
    "amintește-mi peste o oră și un sfert de oră să sun": ("să sun", "Mon 2026-11-23 15:45", ""),
    "amintește-mi peste o oră și trei sferturi să sun": ("să sun", "Mon 2026-11-23 16:15", ""),
    "amintește-mi într-o oră jumate să sun": ("să sun", "Mon 2026-11-23 16:00", ""),
    "remind me in 1.5 hours to pay": ("pay", "Mon 2026-11-23 16:00", ""),
    "remind me to pay 2.5 hours from now": ("pay", "Mon 2026-11-23 17:00", ""),
    "amintește-mi peste 2,5 ore să plec": ("să plec", "Mon 2026-11-23 17:00", ""),
    "remind me in 1.5 days to pay": ("pay", "Wed 2026-11-25 02:30", ""),
    "remind me in 1.5 weeks to pay": ("pay", "Fri 2026-12-04 09:00", ""),
    "remind me in 1.5 months to pay": ("pay", "Fri 2027-01-08 09:00", ""),
    "remind me every 1.5 hours to drink": ("drink", "Mon 2026-11-23 16:00", "FREQ=MINUTELY;INTERVAL=90"),
    "remind me in 2h to pay": ("pay", "Mon 2026-11-23 16:30", ""),
    "remind me to pay in 1.25h": ("pay", "Mon 2026-11-23 15:45", ""),
    "remind me in 1h30 to pay": ("pay", "Mon 2026-11-23 16:00", ""),
    "remind me in 1 h 30 min to pay": ("pay", "Mon 2026-11-23 16:00", ""),
    "remind me in 90min to pay": ("pay", "Mon 2026-11-23 16:00", ""),
    "remind me to pay in 10m": ("pay", "Mon 2026-11-23 14:40", ""),
    "remind me in an hour and 20 to pay": ("pay", "Mon 2026-11-23 15:50", ""),
    "remind me in two and a half hours to pay": ("pay", "Mon 2026-11-23 17:00", ""),
    "remind me in two weeks' time to pay": ("pay", "Mon 2026-12-07 09:00", ""),
    "remind me in a fortnight to pay": ("pay", "Mon 2026-12-07 09:00", ""),
    "remind me 2h before the meeting at 20": ("2h before the meeting", "Mon 2026-11-23 18:00", ""),
    "remind me at 17h30 to pay": ("pay", "Mon 2026-11-23 17:30", ""),
    "amintește-mi peste 2h să plătesc": ("să plătesc", "Mon 2026-11-23 16:30", ""),
    "amintește-mi la 17h să plătesc": ("să plătesc", "Mon 2026-11-23 17:00", ""),
    "amintește-mi să plătesc peste o oră și 20": ("să plătesc", "Mon 2026-11-23 15:50", ""),
    "amintește-mi într-un sfert de oră să plătesc": ("să plătesc", "Mon 2026-11-23 14:45", ""),
    "remind me in an hour and 20 people come": ("and 20 people come", "Mon 2026-11-23 15:30", ""),
    "remind me tomorrow to run for 1h30": ("run for 1h30", "Tue 2026-11-24 09:00", ""),
    "remind me on 1.5 to pay": ("pay", "Sat 2027-05-01 09:00", ""),
    "amintește-mi pe 14.03 să dansez": ("să dansez", "Sun 2027-03-14 09:00", ""),
    "remind me in 2 weeks at 10am about the invoice": ("the invoice", "Mon 2026-12-07 10:00", ""),
    "[voice message] Remind me tomorrow to buy milk.": ("buy milk", "Tue 2026-11-24 09:00", ""),
    "remind me at 5 to leave": ("leave", "Mon 2026-11-23 17:00", ""),
    "remind me at 9 to leave": ("leave", "Mon 2026-11-23 21:00", ""),
    "remind me 30 minutes before my meeting at 5": (
        "30 minutes before my meeting",
        "Mon 2026-11-23 16:30",
        "",
    ),
    "remind me an hour before the train tomorrow at 6:00 to pack": (
        "an hour before the train to pack",
        "Tue 2026-11-24 05:00",
        "",
    ),
    "amintește-mi cu două zile înainte de examenul de pe 14 martie": (
        "cu două zile înainte de examenul de",
        "Fri 2027-03-12 09:00",
        "",
    ),
    "remind me the day before my exam on 14 March": ("the day before my exam", "Sat 2027-03-13 09:00", ""),
    "remind me to study the week before my exam on 14 March": (
        "study the week before my exam",
        "Sun 2027-03-07 09:00",
        "",
    ),
    "amintește-mi cu o zi înainte de examenul din 14 martie": (
        "cu o zi înainte de examenul din",
        "Sat 2027-03-13 09:00",
        "",
    ),
    "amintește-mi în ziua dinaintea examenului din 14 martie să învăț": (
        "în ziua dinaintea examenului din să învăț",
        "Sat 2027-03-13 09:00",
        "",
    ),
    "remind me on Friday to read the mail of the day before yesterday": (
        "read the mail of the day before yesterday",
        "Fri 2026-11-27 09:00",
        "",
    ),
    "remind me tomorrow morning before work to call": ("before work to call", "Tue 2026-11-24 09:00", ""),
    "remind me tomorrow to leave 10 minutes before the others": (
        "leave 10 minutes before the others",
        "Tue 2026-11-24 09:00",
        "",
    ),
    "amintește-mi deseară la 8 să sun": ("să sun", "Mon 2026-11-23 20:00", ""),
    "remind me tomorrow evening at 7:30 to read": ("read", "Tue 2026-11-24 19:30", ""),
    "amintește-mi mâine seară la 7 și jumătate să citesc": ("să citesc", "Tue 2026-11-24 19:30", ""),
    "remind me tonight at 11 pm to sleep": ("sleep", "Mon 2026-11-23 23:00", ""),
    "remind me tonight at 11 to sleep": ("sleep", "Mon 2026-11-23 23:00", ""),
    "remind me tonight at 1 to sleep": ("sleep", "Tue 2026-11-24 01:00", ""),
    "amintește-mi diseară la 5 să plec": ("să plec", "Mon 2026-11-23 17:00", ""),
    "remind me next Friday at 9 to pay": ("pay", "Fri 2026-12-04 09:00", ""),
    "remind me Friday, 27 November at 9:30 to pay": ("pay", "Fri 2026-11-27 09:30", ""),
    "remind me on 3 March to dance": ("dance", "Wed 2027-03-03 09:00", ""),
    "remind me on the 14th to pay": ("pay", "Mon 2026-12-14 09:00", ""),
    "remind me about the dentist tomorrow at 9": ("the dentist", "Tue 2026-11-24 09:00", ""),
    "remind me about 2 things tomorrow": ("2 things", "Tue 2026-11-24 09:00", ""),
    "remind me tomorrow at 9 to book the table for Friday at 20:00": (
        "book the table for Friday at 20:00",
        "Tue 2026-11-24 09:00",
        "",
    ),
    "remind me to book the table for Friday at 20:00 tomorrow at 9": (
        "book the table for Friday at 20:00",
        "Tue 2026-11-24 09:00",
        "",
    ),
    "set a reminder for tomorrow at 9: call Dan": ("call Dan", "Tue 2026-11-24 09:00", ""),
    "every weekday at 8 remind me to take the pills": (
        "take the pills",
        "Tue 2026-11-24 08:00",
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    ),
    "remind me to swim every Monday and Thursday at 7pm": (
        "swim",
        "Mon 2026-11-23 19:00",
        "FREQ=WEEKLY;BYDAY=MO,TH",
    ),
    "remind me every month on the 31st to pay": (
        "pay",
        "Thu 2026-12-31 09:00",
        "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1",
    ),
    "remind me on the 1st of every month to pay": ("pay", "Tue 2026-12-01 09:00", "FREQ=MONTHLY"),
    "remind me on the 5th of each month at 10 to pay": ("pay", "Sat 2026-12-05 10:00", "FREQ=MONTHLY"),
    "amintește-mi pe 5 a fiecărei luni să plătesc": ("să plătesc", "Sat 2026-12-05 09:00", "FREQ=MONTHLY"),
    "remind me from Monday to Friday at 9 to stand up": (
        "stand up",
        "Tue 2026-11-24 09:00",
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    ),
    "remind me Fri at 9 to call": ("call", "Fri 2026-11-27 09:00", ""),
    "remind me on tue at 10 to call": ("call", "Tue 2026-11-24 10:00", ""),
    "remind me to sit in the sun tomorrow": ("sit in the sun", "Tue 2026-11-24 09:00", ""),
    "remind me every 30 minutes to stretch": ("stretch", "Mon 2026-11-23 15:00", "FREQ=MINUTELY;INTERVAL=30"),
    "remind me every half an hour to look up": (
        "look up",
        "Mon 2026-11-23 15:00",
        "FREQ=MINUTELY;INTERVAL=30",
    ),
    "amintește-mi din 20 în 20 de minute să beau": (
        "să beau",
        "Mon 2026-11-23 14:50",
        "FREQ=MINUTELY;INTERVAL=20",
    ),
    "remind me every 2 hours to drink": ("drink", "Mon 2026-11-23 15:00", "FREQ=HOURLY;INTERVAL=2"),
    "amintește-mi mâine seară să sun la notar": ("să sun la notar", "Tue 2026-11-24 19:00", ""),
    "Aminteste-mi vineri la 9 sa sun notarul": ("sa sun notarul", "Fri 2026-11-27 09:00", ""),
    "poți să-mi amintești poimâine la ora 7 și jumătate să plec?": ("să plec", "Wed 2026-11-25 07:30", ""),
    "adu-mi aminte peste două ore să scot rufele": ("să scot rufele", "Mon 2026-11-23 16:30", ""),
    "adu-mi aminte într-o oră de rufe": ("rufe", "Mon 2026-11-23 15:30", ""),
    "mâine la 9 amintește-mi să sun la bancă": ("să sun la bancă", "Tue 2026-11-24 09:00", ""),
    "amintește-mi pe 14 martie la 10 de examen": ("examen", "Sun 2027-03-14 10:00", ""),
    "amintește-mi de întâlnirea de mâine de la 10": ("întâlnirea de", "Tue 2026-11-24 10:00", ""),
    "amintește-mi mâine de la 10 la 12 să stau": ("să stau", "Tue 2026-11-24 10:00", ""),
    "amintește-mi de dentist marți de la 10": ("dentist", "Tue 2026-11-24 10:00", ""),
    "amintește-mi cu o oră înainte de întâlnirea de mâine de la 10": (
        "cu o oră înainte de întâlnirea de",
        "Tue 2026-11-24 09:00",
        "",
    ),
    "amintește-mi joia viitoare la 10 să plec": ("să plec", "Thu 2026-12-03 10:00", ""),
    "amintește-mi peste 3 luni să schimb uleiul": ("să schimb uleiul", "Tue 2027-02-23 09:00", ""),
    "amintește-mi în fiecare zi la 8 să iau pastila": (
        "să iau pastila",
        "Tue 2026-11-24 08:00",
        "FREQ=DAILY",
    ),
    "amintește-mi în fiecare luni la 8 să plec": ("să plec", "Mon 2026-11-30 08:00", "FREQ=WEEKLY;BYDAY=MO"),
    "amintește-mi lunea la 8 să plec": ("să plec", "Mon 2026-11-30 08:00", "FREQ=WEEKLY;BYDAY=MO"),
}
NONE = (
    "remind me about the meeting on 3 March 2020",
    "remind me of the news today",
    "amintește-mi despre întâlnirea din 3 martie 2020",
    "remind me what I said about Dan",
    "Remind me on Monday what we decided",
    "remind me who came tomorrow",
    "amintește-mi ce am spus despre Dan",
    "amintește-mi vineri ce am spus",
    "îți amintești ce am zis luni?",
    "nu îmi amintesc ce am spus mâine",
    "remind me about the trip",
    "remind me about the trip we took on Friday",
    "remind me about the meeting we had today",
    "remind me about what we did today",
    "I asked you to remind me today",
    "remind me of today's plan",
    "amintește-mi programul de azi",
    "did you remind me today?",
    "amintește-mi ce am făcut azi",
    "don't remind me tomorrow of that",
    "why did you not remind me yesterday?",
    "I asked you to remind me tomorrow at 9",
    'she said "remind me tomorrow at 9 to call"',
    "> remind me tomorrow at 9 to call",
    "`remind me tomorrow at 9 to call`",
    "remind me if it rains tomorrow",
    "remind me an hour before to book a table for Friday",
    "Tomorrow at 9 I call the notary.",
)


def shown(schedule: Schedule | None) -> str:
    return f"{schedule.local:%a %Y-%m-%d %H:%M}" if schedule else ""


@pytest.mark.parametrize("message", REQUESTS)
def test_a_request_is_read_with_its_time_and_its_words(message: str) -> None:
    (found,) = read_requests(message, now=NOW, zone=ZONE)
    assert found.schedule is not None
    assert (found.text, shown(found.schedule), found.schedule.rule) == REQUESTS[message]
    assert found.is_whole


@pytest.mark.parametrize("message", NONE)
def test_questions_quotations_and_past_dates_are_no_requests(message: str) -> None:
    assert read_requests(message, now=NOW, zone=ZONE) == []


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("amintește-mi să sun", "să sun"),
        ("remind me today to call mum", "call mum"),
        ("amintește-mi azi să sun pe mama", "să sun pe mama"),
        ("remind me today at 08:00 to leave", "leave"),
        ("remind me in 5 minutes and 10 minutes to stir", "stir"),
        ("remind me in a month and 2 hours to stir", "stir"),
        ("remind me on 3 March 2020 to dance", "dance"),
        ("amintește-mi pe 3 martie 2020 să dansez", "să dansez"),
    ],
)
def test_a_request_without_a_time_to_come_has_none(said: str, text: str) -> None:
    (found,) = read_requests(said, now=NOW, zone=ZONE)
    assert (found.schedule, found.text, found.is_whole) == (None, text, True)


@pytest.mark.parametrize("said", ["remind me tonight to take it out", "amintește-mi diseară să-l duc"])
def test_an_evening_that_has_begun_is_no_time_to_come(said: str) -> None:
    (found,) = read_requests(said, now=NOW + timedelta(hours=5), zone=ZONE)
    assert found.schedule is None


def test_a_message_with_a_question_as_well_is_not_wholly_a_request() -> None:
    (found,) = read_requests("Remind me tomorrow to pay. How much was it?", now=NOW, zone=ZONE)
    assert (found.text, found.is_whole) == ("pay", False)
    (thanks,) = read_requests("Hi! Remind me tomorrow to pay. Thank you!", now=NOW, zone=ZONE)
    assert thanks.is_whole


def test_each_sentence_may_ask_for_one() -> None:
    said = "Remind me tomorrow to pay. Amintește-mi vineri la 10 să sun\nand remind me in 2 hours to eat"
    found = read_requests(said, now=NOW, zone=ZONE)
    assert [(one.text, one.is_whole) for one in found] == [("pay", True), ("să sun", True), ("eat", True)]


TOGETHER = {
    "remind me tomorrow at 9 and at 17 to eat": ("eat", ["Tue 2026-11-24 09:00", "Tue 2026-11-24 17:00"]),
    "remind me to take the pills at 9 and at 21": (
        "take the pills",
        ["Tue 2026-11-24 09:00", "Mon 2026-11-23 21:00"],
    ),
    "amintește-mi să iau pastila zilnic la 8 și la 20": (
        "să iau pastila",
        ["Tue 2026-11-24 08:00", "Mon 2026-11-23 20:00"],
    ),
    "remind me on Monday and on Friday at 9 to call": (
        "call",
        ["Mon 2026-11-30 09:00", "Fri 2026-11-27 09:00"],
    ),
    "remind me today at 9:00 and at 17 to water": ("water", ["Mon 2026-11-23 17:00"]),
    "remind me in 5 minutes and in 10 minutes to stir": (
        "stir",
        ["Mon 2026-11-23 14:35", "Mon 2026-11-23 14:40"],
    ),
    "remind me every day at 8 in the morning and at 8 in the evening to take the pill": (
        "take the pill",
        ["Tue 2026-11-24 08:00", "Mon 2026-11-23 20:00"],
    ),
    "amintește-mi zilnic la 8 dimineața și la 8 seara să iau pastila": (
        "să iau pastila",
        ["Tue 2026-11-24 08:00", "Mon 2026-11-23 20:00"],
    ),
    "amintește-mi mâine la 8 dimineața și la 8 seara să iau pastila": (
        "să iau pastila",
        ["Tue 2026-11-24 08:00", "Tue 2026-11-24 20:00"],
    ),
    "remind me at 8 in the morning and at 8 in the evening tomorrow to take the pill": (
        "take the pill",
        ["Tue 2026-11-24 08:00", "Tue 2026-11-24 20:00"],
    ),
    "remind me tomorrow at 8 in the morning, at 3 and at 8 in the evening to eat": (
        "eat",
        ["Tue 2026-11-24 08:00", "Tue 2026-11-24 15:00", "Tue 2026-11-24 20:00"],
    ),
    "remind me tomorrow evening at 7 and at 9 to read": (
        "read",
        ["Tue 2026-11-24 19:00", "Tue 2026-11-24 21:00"],
    ),
    "remind me at 10, at 15 and at 18 tomorrow to call": (
        "call",
        ["Tue 2026-11-24 10:00", "Tue 2026-11-24 15:00", "Tue 2026-11-24 18:00"],
    ),
    "remind me tomorrow at 9 and on Friday at 10 to call": (
        "call",
        ["Tue 2026-11-24 09:00", "Fri 2026-11-27 10:00"],
    ),
    "remind me to call mom at 5 and dad at 6": ("call mom at 5 and dad", ["Mon 2026-11-23 18:00"]),
    "remind me in 2 hours and at 21 to eat": ("and at 21 to eat", ["Mon 2026-11-23 16:30"]),
    "remind me to leave at 5 and at 6 I want to eat": (
        "leave at 5 and I want to eat",
        ["Mon 2026-11-23 18:00"],
    ),
    "remind me tomorrow and on Friday we have guests": (
        "and on Friday we have guests",
        ["Tue 2026-11-24 09:00"],
    ),
    "remind me to tell Ana that I am free on Friday and on Sunday": (
        "tell Ana that I am free on Friday and",
        ["Sun 2026-11-29 09:00"],
    ),
}


@pytest.mark.parametrize("said", TOGETHER)
def test_times_that_are_named_together_get_a_reminder_each(said: str) -> None:
    text, times = TOGETHER[said]
    found = read_requests(said, now=NOW, zone=ZONE)
    assert [(one.text, shown(one.schedule)) for one in found] == [(text, time) for time in times]
    assert {one.schedule.rule for one in found if one.schedule} == {
        "FREQ=DAILY" if "zilnic" in said or "every day" in said else ""
    }


@pytest.mark.parametrize(
    ("rule", "words", "expected"),
    [
        ("FREQ=MONTHLY;INTERVAL=2", "on 31 December at 9", ["2026-12-31", "2027-02-28", "2027-04-30"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1", "on 5 March", ["2027-03-05", "2028-03-05"]),
        ("FREQ=YEARLY", "on 29 February 2028", ["2028-02-29", "2029-02-28"]),
    ],
)
def test_a_repeated_reminder_that_is_moved_repeats_from_its_new_day(
    rule: str, words: str, expected: list[str]
) -> None:
    schedule = Schedule.starting(datetime.fromisoformat("2026-12-15T09:00"), ZONE, rule)
    moved, days = read_move(words, schedule, now=NOW, zone=ZONE), []
    for _ in expected:
        assert moved
        days.append(f"{moved.local:%Y-%m-%d}")
        moved = moved.after(moved.at)
    assert days == expected


def test_what_is_more_than_one_message_may_set_is_left_to_the_model() -> None:
    for count, times in ((12, "tomorrow at 9"), (6, "tomorrow at 9 and at 17")):
        said = "\n".join(f"remind me {times} to do thing {n}" for n in range(count))
        found = read_requests(said, now=NOW, zone=ZONE)
        assert len(found) == 10
        assert not any(one.is_whole for one in found)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("tomorrow at 10", "Tue 2026-11-24 10:00"),
        ("joi la 18:15", "Thu 2026-11-26 18:15"),
        ("yesterday", ""),
        ("soon", ""),
    ],
)
def test_the_time_to_move_a_reminder_to(words: str, expected: str) -> None:
    schedule = Schedule.starting(datetime.fromisoformat("2027-03-14T09:00"), ZONE)
    assert shown(read_move(words, schedule, now=NOW, zone=ZONE)) == expected


@pytest.mark.parametrize(
    ("first", "rule", "words", "expected"),
    [
        ("2027-03-14T09:00", "", "at 11", "Sun 2027-03-14 11:00"),
        ("2027-03-14T09:00", "", "la 18:30", "Sun 2027-03-14 18:30"),
        ("2026-11-24T18:00", "FREQ=DAILY", "at 9", "Tue 2026-11-24 09:00"),
        ("2026-11-23T22:00", "FREQ=DAILY", "at 9", "Tue 2026-11-24 09:00"),
        ("2026-11-23T22:00", "", "at 9", "Mon 2026-11-23 21:00"),
        ("2026-11-27T09:00", "FREQ=WEEKLY;BYDAY=FR", "at 10", "Fri 2026-11-27 10:00"),
        ("2026-11-27T09:00", "FREQ=WEEKLY;BYDAY=FR", "at midnight", "Fri 2026-11-27 00:00"),
    ],
)
def test_an_hour_alone_moves_a_reminder_within_its_day(
    first: str, rule: str, words: str, expected: str
) -> None:
    schedule = Schedule.starting(datetime.fromisoformat(first), ZONE, rule)
    moved = read_move(words, schedule, now=NOW, zone=ZONE)
    assert shown(moved) == expected
    assert moved is not None
    assert moved.rule == rule


@pytest.mark.parametrize(
    ("first", "rule", "expected"),
    [
        ("2026-10-24T09:00", "FREQ=DAILY", ["06:00", "07:00", "07:00"]),
        ("2027-03-27T09:00", "FREQ=DAILY", ["07:00", "06:00", "06:00"]),
        ("2027-03-27T03:30", "FREQ=DAILY", ["01:30", "01:30", "00:30"]),
        ("2026-10-25T02:30", "FREQ=HOURLY", ["23:30", "00:30", "02:30"]),
    ],
    ids=["put back", "put forward", "at an hour that is left out", "at an hour that is there twice"],
)
def test_a_repeated_hour_stays_when_the_clocks_change(first: str, rule: str, expected: list[str]) -> None:
    schedule: Schedule | None = Schedule.starting(datetime.fromisoformat(first), ZONE, rule)
    found = []
    for _ in expected:
        assert schedule is not None
        found.append(f"{schedule.at:%H:%M}")
        schedule = schedule.after(schedule.at)
    assert found == expected


EVENTS = {
    "My exam is on 14 March.": "Sat 2027-03-13 18:00",
    "I have a dentist appointment tomorrow at 10": "Mon 2026-11-23 18:00",
    "we have a meeting today at 18:00": "Mon 2026-11-23 16:00",
    "Examenul meu e pe 14 martie.": "Sat 2027-03-13 18:00",
    "am programare la dentist vineri la 10": "Thu 2026-11-26 18:00",
    "I have a visit to the doctor on Friday": "Thu 2026-11-26 18:00",
    "merg la doctor vineri": "Thu 2026-11-26 18:00",
    **dict.fromkeys(
        (
            "When is my exam?",
            "Is my exam on 14 March?",
            "My exam was on Friday",
            "I passed the exam on 3 March",
            "Dan's exam is on 14 March",
            "My exam is on 14 March 2020",
            "I have no meeting on Friday",
            "Am avut ședință vineri",
            "am fost la dentist vineri",
            "m-am dus la doctor luni",
            "He wrote: 'my exam' and \"my exam is on 14 March\"",
        ),
        "",
    ),
}


@pytest.mark.parametrize("message", EVENTS)
def test_a_reminder_is_offered_for_an_event_of_ones_own_that_is_to_come(message: str) -> None:
    found = read_event(message, now=NOW, zone=ZONE)
    assert shown(found.schedule if found else None) == EVENTS[message]


def test_a_delay_across_a_change_of_the_clocks_is_exact() -> None:
    before = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    (found,) = read_requests("remind me in 60 minutes to wake", now=before, zone=ZONE)
    assert found.schedule is not None
    assert found.schedule.at == before + timedelta(hours=1)


@pytest.mark.parametrize(
    "said",
    [
        "remind me the evening before my exam on 14 March",
        "remind me the night before my trip on 14 March to pack",
        "remind me in the evening before my exam on 14 March",
        "remind me a month before my wedding on 14 March",
        "amintește-mi cu o seară înainte de examenul din 14 martie",
        "amintește-mi în seara dinaintea examenului din 14 martie",
    ],
)
def test_the_evening_before_a_day_is_asked_for_its_hour(said: str) -> None:
    (found,) = read_requests(said, now=NOW, zone=ZONE)
    assert found.schedule is None


@pytest.mark.parametrize(
    "said",
    [
        "remind me every day at 9 except Sunday to run",
        "remind me to run every day at 9 until Friday",
        "remind me every day for a week to run",
        "remind me on the first Monday of every month to run",
        "amintește-mi zilnic la 9 în afară de duminică să alerg",
        "amintește-mi în fiecare zi la 9 până vineri să alerg",
    ],
)
def test_a_repetition_with_a_limit_is_asked_for_its_times(said: str) -> None:
    (found,) = read_requests(said, now=NOW, zone=ZONE)
    assert found.schedule is None


def test_a_limit_of_the_matter_is_none_of_the_repetition() -> None:
    (found,) = read_requests("remind me every day to wait until the shop opens", now=NOW, zone=ZONE)
    assert found.schedule is not None


def test_an_hour_that_the_clock_has_twice_is_still_to_come_in_its_second_one() -> None:
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    (found,) = read_requests("remind me at 3:45 am to wake", now=second, zone=ZONE)
    assert found.schedule is not None
    assert found.schedule.at == second + timedelta(minutes=15)


def test_what_repeats_on_29_february_comes_every_year() -> None:
    (found,) = read_requests("remind me every year on 29 February to call Dan", now=NOW, zone=ZONE)
    schedule, days = found.schedule, list[str]()
    for _ in range(3):
        assert schedule is not None
        days.append(f"{schedule.local:%Y-%m-%d}")
        schedule = schedule.after(schedule.at)
    assert days == ["2028-02-29", "2029-02-28", "2030-02-28"]


@pytest.mark.parametrize(
    ("said", "times"),
    {
        "remind me a day before my class every Monday at 9": ["Sun 2026-11-29 09:00", "Sun 2026-12-06 09:00"],
        "amintește-mi cu o oră înainte de tura din fiecare luni la 00:30": [
            "Sun 2026-11-29 23:30",
            "Sun 2026-12-06 23:30",
        ],
        "remind me a day before my rent every month on the 1st": [
            "Mon 2026-11-30 09:00",
            "Thu 2026-12-31 09:00",
        ],
        "remind me 3 days before the 1st of every month to pay": [
            "Sat 2026-11-28 09:00",
            "Tue 2026-12-29 09:00",
        ],
    }.items(),
)
def test_what_repeats_is_reminded_of_on_the_day_before_each_time(said: str, times: list[str]) -> None:
    (found,) = read_requests(said, now=NOW, zone=ZONE)
    assert found.schedule is not None
    following = found.schedule.after(found.schedule.at)
    assert [shown(found.schedule), shown(following)] == times


@pytest.mark.parametrize("said", ["remind me in 9999 years to call", "amintește-mi peste 9000 de ani să sun"])
def test_a_time_after_the_end_of_the_calendar_is_asked_for(said: str) -> None:
    (found,) = read_requests(said, now=NOW, zone=ZONE)
    assert found.schedule is None


@pytest.mark.parametrize(
    ("rule", "expected"),
    {
        "FREQ=MINUTELY;INTERVAL=25": "Mon 2026-11-23 14:50",
        "FREQ=HOURLY;INTERVAL=5": "Mon 2026-11-23 19:00",
    }.items(),
)
def test_the_next_time_is_found_at_once_however_long_ago_the_first_was(rule: str, expected: str) -> None:
    begun = time.process_time()
    following = Schedule.starting(datetime(1970, 1, 1, 9), ZONE, rule).after(NOW)  # noqa: DTZ001
    assert shown(following) == expected
    assert time.process_time() - begun < 1
