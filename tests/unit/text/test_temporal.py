"""The time that a message speaks of: held-out sentences, worked examples, and what is not a time."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from memory.temporal import written_dates as dates
from memory.temporal.message_text import MAX_CHARS, fold, normalise_message
from memory.temporal.named_bound import read_bound
from memory.temporal.tense import Tense, tense
from memory.temporal.time_finder import MAX_CANDIDATES, find_range
from memory.temporal.time_spans import Span
from memory.temporal.time_words import Language
from tests.linear import not_linear
from tests.tables import each

DATA = Path(__file__).parents[2] / "data"
ZONE = ZoneInfo("Europe/Bucharest")
WEDNESDAY = "2024-05-15T14:30"
SILENT: dict[str, list[str]] = json.loads((DATA / "no_time_meant.json").read_text("utf-8"))
MEANT: dict[str, list[dict[str, str]]] = json.loads((DATA / "time_meant.json").read_text("utf-8"))
OTHER_NOWS = ("2024-12-31T23:00", "2024-02-29T00:05", "2024-03-31T12:00")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def found(message: str, now: str = WEDNESDAY) -> Span | None:
    return find_range(message, now=local(now), zone=ZONE)


def shown(message: str, now: str = WEDNESDAY) -> str | None:
    """Return the range on the wall clock, as "start end" without needless midnights."""
    span = found(message, now)
    if span is None:
        return None
    assert span.start.tzinfo is UTC
    assert span.end.tzinfo is UTC
    walls = [edge.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M") for edge in (span.start, span.end)]
    return " ".join(wall.removesuffix("T00:00") for wall in walls)


def test_the_held_out_lists_are_whole() -> None:
    assert {language: len(set(sentences)) for language, sentences in SILENT.items()} == {"en": 70, "ro": 70}
    assert sum(sentence.isascii() for sentence in SILENT["ro"]) >= 30
    counts = {language: len({(c["message"], c["now"]) for c in cases}) for language, cases in MEANT.items()}
    assert counts == {"en": 63, "ro": 63}


@each("now", [WEDNESDAY, *OTHER_NOWS])
@each("language", ["en", "ro"])
def test_no_time_is_meant(language: str, now: str) -> None:
    assert [(m, found(m, now)) for m in SILENT[language] if found(m, now)] == []


@each("case", MEANT["en"] + MEANT["ro"], ids=lambda case: case["message"])
def test_a_time_is_meant(case: dict[str, str]) -> None:
    end = case["now"] if case["end"] == "now" else case["end"]
    span = found(case["message"], case["now"])
    assert span is not None
    assert (span.start, span.end) == (local(case["start"]), local(end))
    assert span.text in case["message"]


@each(
    ("message", "expected"),
    [
        ("I asked 20 minutes ago", "2024-05-15T14:05 2024-05-15T14:15"),
        ("I asked about 40 minutes ago", "2024-05-15T13:30 2024-05-15T14:10"),
        ("I asked 40 minutes ago", "2024-05-15T13:40 2024-05-15T14:00"),
        ("an hour and a half ago", "2024-05-15T12:30 2024-05-15T13:30"),
        ("a quarter of an hour ago", "2024-05-15T14:00 2024-05-15T14:30"),
        ("acum un sfert de oră", "2024-05-15T14:00 2024-05-15T14:30"),
        ("acum vreo oră", "2024-05-15T12:30 2024-05-15T14:30"),
        ("about two days ago", "2024-05-12 2024-05-15"),
        ("three weeks ago", "2024-04-21 2024-04-28"),
        ("about three weeks ago", "2024-04-17 2024-05-02"),
        ("about two months ago", "2024-02-01 2024-05-01"),
        ("about two years ago", "2021-01-01 2024-01-01"),
        ("half a year ago", "2023-10-01 2024-01-01"),
        ("acum un an și jumătate", "2022-10-01 2023-01-01"),
        ("half a day ago", "2024-05-15T01:30 2024-05-15T03:30"),
        ("a day and a half ago", "2024-05-14T01:30 2024-05-14T03:30"),
        ("a week and a half ago", "2024-05-04 2024-05-07"),
        ("two months and a half ago", "2024-02-29 2024-03-03"),
        ("several weeks ago", "2024-04-07 2024-05-05"),
        ("cu vreo două luni în urmă", "2024-02-01 2024-05-01"),
        ("în urmă cu 15 zile", "2024-04-30 2024-05-01"),
        ("in the past hour", "2024-05-15T13:30 2024-05-15T14:30"),
        ("în ultima oră", "2024-05-15T13:30 2024-05-15T14:30"),
        ("in the last week", "2024-05-08 2024-05-15T14:30"),
        ("the last few days", "2024-05-10 2024-05-15T14:30"),
        ("ultimele luni", "2023-12-15 2024-05-15T14:30"),
        ("in the past year", "2023-05-15 2024-05-15T14:30"),
        ("what did I say about the book on 3 May?", "2024-05-03 2024-05-04"),
        ("what did we decide in the call on 3 May?", "2024-05-03 2024-05-04"),
        ("ce am zis de vin pe 3 mai?", "2024-05-03 2024-05-04"),
        ("what did I tell you the second friday of April?", "2024-04-12 2024-04-13"),
        ("în ultima luni din aprilie ce am predat?", "2024-04-29 2024-04-30"),
        ("what did I say on the twenty-second of November?", "2023-11-22 2023-11-23"),
        ("what did I buy two weeks ago on Friday?", "2024-05-03 2024-05-04"),
        ("Friday two weeks ago, what did I buy?", "2024-05-03 2024-05-04"),
        ("ce ți-am zis vineri acum două săptămâni?", "2024-05-03 2024-05-04"),
        ("Friday a few weeks ago", "2024-04-12 2024-05-04"),
        ("on friday several weeks ago", "2024-04-12 2024-05-04"),
        ("a few weeks ago, on friday", "2024-04-12 2024-05-04"),
        ("a couple of weeks ago, on friday", "2024-05-03 2024-05-04"),
        ("vineri acum câteva săptămâni", "2024-04-12 2024-05-04"),
        ("acum câteva săptămâni, vineri", "2024-04-12 2024-05-04"),
        ("what did we discuss two weeks back?", "2024-04-28 2024-05-05"),
        ("two weeks back my boss quit", "2024-04-28 2024-05-05"),
        ("two weeks back", "2024-04-28 2024-05-05"),
        ("3 days back, what did I buy?", "2024-05-12 2024-05-13"),
        ("what did I say at the beginning of March?", "2024-03-01 2024-03-11"),
        ("what did I say in the middle of March?", "2024-03-11 2024-03-21"),
        ("what did I say at the end of last month?", "2024-04-21 2024-05-01"),
        ("ce am zis la începutul lunii?", "2024-05-01 2024-05-11"),
        ("what did I spend in the first quarter?", "2024-01-01 2024-04-01"),
        ("what did I sell in Q4 2023?", "2023-10-01 2024-01-01"),
        ("ce am vândut în trimestrul I?", "2024-01-01 2024-04-01"),
        ("¿qué te conté el 29 de abril?", "2024-04-29 2024-04-30"),
        ("¿qué hice el lunes pasado?", "2024-05-13 2024-05-14"),
        ("qu'est-ce que je t'ai dit, tard, le lundi 6 mai ?", "2024-05-06 2024-05-07"),
        ("qu'est-ce que j'ai mangé hier ?", "2024-05-14 2024-05-15"),
        ("tu as mangé quoi hier ?", "2024-05-14 2024-05-15"),
        ("hier, mon fils a eu dix ans", "2024-05-14 2024-05-15"),
        ("was habe ich dir am 5. März erzählt?", "2024-03-05 2024-03-06"),
        ("was habe ich am Montag eingekauft?", "2024-05-13 2024-05-14"),
        ("wo bin ich am Montag gewesen?", "2024-05-13 2024-05-14"),
        ("wen hat er am Montag besucht?", "2024-05-13 2024-05-14"),
        ("das, was ich dir am Montag geschrieben habe", "2024-05-13 2024-05-14"),
        ("qu'est-ce que j'ai acheté le mardi 7 mai ?", "2024-05-07 2024-05-08"),
        ("où est-ce que je suis allée le lundi 6 mai ?", "2024-05-06 2024-05-07"),
        ("le médecin a dit quoi le 6 mai ?", "2024-05-06 2024-05-07"),
        ("was war letzten Montag?", "2024-05-13 2024-05-14"),
        ("mit mondtam május 5-én?", "2024-05-05 2024-05-06"),
        ("what did I text you the day after Thanksgiving?", "2023-11-24 2023-11-25"),
        ("what happened the night after Black Friday, at 1 am?", "2023-11-24T17:00 2023-11-25T06:00"),
        ("what did I tell you the evening before New Year's Eve?", "2023-12-30 2023-12-31"),
        ("what did I tell you on New Year's morning?", "2024-01-01 2024-01-02"),
        ("What did you suggest I cook on Easter Sunday?", "2024-03-31 2024-04-02"),
        ("Early May bank holiday, at lunch, I asked you something. What was it?", "2024-05-06 2024-05-07"),
        ("what did I say on Boxing Day?", "2023-12-26 2023-12-27"),
        ("ce ți-am povestit de Paște?", "2024-05-05 2024-05-07"),
        ("ce ți-am scris a doua zi de Crăciun?", "2023-12-26 2023-12-27"),
        ("noaptea de după Revelion ce ți-am spus?", "2023-12-31T17:00 2024-01-01T06:00"),
        ("ce mi-ai recomandat în ajun de Crăciun?", "2023-12-24 2023-12-25"),
        ("qu'est-ce que je t'ai dit à Noël ?", "2023-12-24 2023-12-27"),
        ("¿qué hice en Navidad?", "2023-12-24 2023-12-27"),
        ("was habe ich dir an Weihnachten erzählt?", "2023-12-24 2023-12-27"),
        ("what did I say earlier this month?", "2024-05-01 2024-05-15T14:30"),
        ("what did I say this year?", "2024-01-01 2024-05-15T14:30"),
        ("what did I say last May?", "2023-05-01 2023-06-01"),
        ("what did I say last spring?", "2023-03-01 2023-06-01"),
        ("what did I say this spring?", "2024-03-01 2024-05-15T14:30"),
        ("what did I say in the winter of 2022?", "2022-12-01 2023-03-01"),
        ("unde am fost în vara lui 2022?", "2022-06-01 2022-09-01"),
        ("ce am zis iarna asta?", "2023-12-01 2024-03-01"),
        ("what did I say in 2000?", "2000-01-01 2001-01-01"),
        ("ce am zis toamna trecută?", "2023-09-01 2023-12-01"),
        ("ce am zis alaltăseară?", "2024-05-13T17:00 2024-05-14"),
        ("ce am zis ieri după-amiază?", "2024-05-14T12:00 2024-05-14T18:00"),
        ("what did I say yesterday afternoon?", "2024-05-14T12:00 2024-05-14T18:00"),
        ("What were we talking about on Sunday night?", "2024-05-12T22:00 2024-05-13T06:00"),
        ("what did I say in mid-March?", "2024-03-11 2024-03-21"),
        ("ce am zis la sfârșitul lui martie?", "2024-03-21 2024-04-01"),
        ("what did I do on the weekend?", "2024-05-11 2024-05-13"),
        ("ce am făcut în weekend?", "2024-05-11 2024-05-13"),
        ("ce am făcut Crăciunul trecut?", "2023-12-24 2023-12-27"),
        ("what did we discuss from 3 to 7 May?", "2024-05-03 2024-05-08"),
        ("what did we discuss between 1 March and 5 April 2023?", "2023-03-01 2023-04-06"),
        ("what did we discuss from October to February?", "2023-10-01 2024-03-01"),
        ("ce am discutat între 2020 și 2022?", "2020-01-01 2023-01-01"),
        ("ce am vorbit din martie?", "2024-03-01 2024-05-15T14:30"),
        ("conversația din martie", "2024-03-01 2024-04-01"),
        ("since yesterday we talked about cats", "2024-05-14 2024-05-15T14:30"),
        ("what was the message from 12/25/2023?", "2023-12-25 2023-12-26"),
        ("ce mi-ai zis pe data de 3 aprilie?", "2024-04-03 2024-04-04"),
        ("ce am mâncat 24 martie?", "2024-03-24 2024-03-25"),
        ("what did I say on 15 May?", "2024-05-15 2024-05-15T14:30"),
        ("what did I say on 16 May?", "2023-05-16 2023-05-17"),
        ("what did I say on 29 February?", "2024-02-29 2024-03-01"),
        ("summarize our chat on 3rd of May", "2024-05-03 2024-05-04"),
        ("what's in my notes from Monday?", "2024-05-13 2024-05-14"),
        ("Monday's chat, please", "2024-05-13 2024-05-14"),
        ("rezumă conversația de luni", "2024-05-13 2024-05-14"),
        ("this morning the cat puked", "2024-05-15T05:00 2024-05-15T12:00"),
        ("acum   două\n zile ce-am zis?", "2024-05-13 2024-05-14"),
    ],
)
def test_the_range_of_a_time(message: str, expected: str) -> None:
    assert shown(message) == expected


@each(
    "message",
    [
        "book a table on the second Friday of April", "what should I cook on New Year's Eve?",
        "what did I pay for the Halloween costume?", "what did we do in the days after Easter?",
        "book a table for Valentine's Day", "ce gătesc de Paște?", "unde mergem de Revelion?",
        "put it back on Friday", "I've had 2 weeks back pain", "I owed two months back rent",
        "can I get those two weeks back?", "el 29 de abril tengo cita", "rappelle-moi le 6 mai",
        "ich fliege am 5. März", "il fait beau le lundi", "à quelle heure est mon cours le mardi ?",
        "j'ai une réunion le lundi", "la piscine est ouverte le mardi ?", "Hast du am Montag Zeit?",
        "Hat der Arzt am Dienstag offen?", "Hat das Geschäft am Dienstag offen?", "das hat Zeit, am Montag",
        "Ist der Laden am Montag geschlossen?", "Was passiert am Montag?",
        "hab nachgesehen, der Pass läuft am 5. März ab", "Wie heißt mein Vermieter hier in Berlin?",
        "Was gibt es hier zu essen?", "Ich war lange nicht hier, oder?", "Wat doe je hier?",
        "remind me at the end of the month",
    ],
)  # fmt: skip
def test_no_time_is_meant_by_what_is_not_over_or_not_asked(message: str) -> None:
    assert found(message) is None


@each(
    ("message", "now", "expected"),
    [
        ("what did I say last month?", "2025-01-31T12:00", "2024-12-01 2025-01-01"),
        ("in the last month", "2024-03-31T12:00", "2024-02-29 2024-03-31T12:00"),
        ("what did I say on 29 February?", "2026-06-01T12:00", "2024-02-29 2024-03-01"),
        ("a year ago", "2024-02-29T12:00", "2023-01-01 2024-01-01"),
        ("in the past year", "2024-02-29T12:00", "2023-02-28 2024-02-29T12:00"),
        ("what did I say last weekend?", "2024-05-12T12:00", "2024-05-04 2024-05-06"),
        ("what did I say last weekend?", "2024-05-13T12:00", "2024-05-11 2024-05-13"),
        ("what did I cook at Christmas?", "2024-12-25T12:00", "2024-12-24 2024-12-25T12:00"),
        ("what did I cook at Christmas?", "2024-12-24T12:00", "2024-12-24 2024-12-24T12:00"),
        ("what did I say in May?", "2024-05-01T09:00", "2024-05-01 2024-05-01T09:00"),
        ("what did I say last winter?", "2024-02-15T12:00", "2022-12-01 2023-03-01"),
        ("how was today?", "2024-05-15T11:00", "2024-05-15 2024-05-15T11:00"),
        ("what did I say this morning?", "2024-05-15T11:00", "2024-05-15T05:00 2024-05-15T11:00"),
        ("this morning the cat puked", "2024-05-15T11:00", None),
        ("what did I say this evening?", "2024-05-15T11:00", None),
        ("last night", "2024-05-15T02:00", "2024-05-14T17:00 2024-05-15T02:00"),
        ("what did I say today?", "2024-05-15T00:00", None),
    ],
)
def test_edges_of_the_calendar(message: str, now: str, expected: str | None) -> None:
    assert shown(message, now) == expected


@each(
    ("message", "now", "hours"),
    [
        ("yesterday", "2024-04-01T12:00", 23),
        ("yesterday", "2024-10-28T12:00", 25),
        ("last night", "2024-03-31T12:00", 12),
        ("last night", "2024-10-27T12:00", 14),
        ("in the past 24 hours", "2024-10-27T12:00", 24),
    ],
)
def test_days_on_which_the_clock_is_changed(message: str, now: str, hours: int) -> None:
    span = found(message, now)
    assert span is not None
    assert span.end - span.start == timedelta(hours=hours)


@each(
    "message",
    [
        "",
        "\x00\x01\x02 \ud800",
        "🎉🎉🎉",
        "שלום, מה קורה? \u202e أمس",
        "what did we say on 31 February?",
        "ce am zis pe 31 februarie 2023?",
        "what did we say on 0000-01-01?",
        "what did we say in 1066?",
        "what did I say in 1999?",
        "what did we say 99999999 years ago?",
        "acum 999999999 ore",
        "acum 5000 ani ce am făcut?",
        "in the past 999999999 days",
        "what did we say in 2030?",
        "what did we say on 5 May 2031?",
        "`yesterday` is a variable",
        "```\nyesterday\nlast week\n```",
        "```\nyesterday",
        "> what did we say yesterday",
        'he only wrote "yesterday"',
        "„ieri” se scrie cu i",
        "https://example.com/last week".replace(" ", "-") + " https://x.y/?q=yesterday",
        "2024-05-14 12:00:01 job failed yesterday",
        "May 14 12:00 ERROR last week",
        "the file is from 2023-05-07",
        "my passport expires 12 March 2030",
        "what did we discuss before March?",
        "what did we discuss after 3 June?",
        "până ieri mergea",
        "ce ți-am zis în mai multe rânduri?",
        "what did I say I'd do on Monday?",
        "acum ora 5",
        "de 2 luni tot am zis asta",
        "luni am test la mate",
        "put it in my notes on Monday",
        "what did you hear from April?",
        "am mâncat 3 mai mari",
        "we walked, and on Monday I leave",
        "we lost but on Monday I play again",
        "I was told on Mondays it rains",
        "my daughter was born in March",
    ],
)
def test_nothing_is_found(message: str) -> None:
    assert found(message) is None


@each(
    ("before", "after", "language", "expected"),
    [
        ("what did we say ", "", "en", Tense.PAST),
        ("", " I told you", "en", Tense.PAST),
        ("", " I will tell you", "en", Tense.OTHER),
        ("you said I'll go ", "", "en", Tense.OTHER),
        ("the cat ", " again", "en", Tense.UNSAID),
        ("ce am zis ", "", "ro", Tense.PAST),
        ("ți-am zis că ", " ninge", "ro", Tense.UNSAID),
        ("am examen ", "", "ro", Tense.OTHER),
        ("ce mi-ai mai spus ", "", "ro", Tense.PAST),
        ("ce am scris ", "", "any", Tense.PAST),
        ("I was born ", "", "en", Tense.OTHER),
    ],
)
def test_tense(before: str, after: str, language: str, expected: Tense) -> None:
    assert tense(fold(before), fold(after), Language(language)) is expected


def test_folding_keeps_places_and_only_the_beginning_is_read() -> None:
    text = "Săptămâna TRECUTĂ ți-am zis `cod` İ https://a.b/c"
    assert len(fold(text)) == len(text)
    assert fold(text).startswith("saptamana trecuta ti-am zis")
    assert "cod" not in fold(text)
    assert len(normalise_message("x" * 10 * MAX_CHARS)) == MAX_CHARS == 2_000
    assert found("x " * 990 + " yesterday") is not None
    assert found("x " * 1_000 + " yesterday") is None


def test_only_so_much_is_looked_at() -> None:
    assert found("on Monday. " * (MAX_CANDIDATES - 1) + "yesterday") is not None
    assert found("on Monday. " * MAX_CANDIDATES + "yesterday") is None
    assert MAX_CANDIDATES == 20
    assert found("we said " + "b" * 291 + " on Monday") is not None
    assert found("we said " + "b" * 292 + " on Monday") is None
    assert found("on Monday " + "b" * 285 + " we said it") is not None
    assert found("on Monday " + "b" * 295 + " we said it") is None


def test_numbers_are_read_alike_in_both_languages() -> None:
    english = "one two three four five six seven eight nine ten eleven twelve"
    romanian = "o doua trei patru cinci sase sapte opt noua zece unsprezece douasprezece"
    for number, (one, other) in enumerate(zip(english.split(), romanian.split(), strict=True), 1):
        assert shown(f"{one} days ago") == shown(f"{number} days ago") == shown(f"acum {other} zile")
    for number, one, other in (
        (15, "fifteen", "cincisprezece"),
        (20, "twenty", "douazeci de"),
        (30, "thirty", "treizeci de"),
        (40, "forty", "patruzeci de"),
        (50, "fifty", "cincizeci de"),
    ):
        assert shown(f"{one} days ago") == shown(f"{number} days ago") == shown(f"acum {other} zile")


def test_decomposed_letters_and_cedillas_are_the_same_letters() -> None:
    for message in ("săptămâna trecută", "sa\u0306pta\u0306ma\u0302na trecuta\u0306", "SĂPTĂMÂNA TRECUTĂ"):
        assert shown(message) == "2024-05-06 2024-05-13"
    assert shown("ce am zis marţi?") == shown("ce am zis marți?") == "2024-05-14 2024-05-15"


def test_what_is_too_long_for_a_date_is_not_read_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """To read 16,000 characters as a date took two seconds."""
    read: list[str] = []
    monkeypatch.setattr(dates, "_read", read.append)
    for text in ("1 " * 8000, f"5 may 2023 {'12/3/' * 3000}"):
        assert dates.parse_day(text, until=date(2024, 5, 15)) is None
        with pytest.raises(ValueError, match="is not a time"):
            read_bound(text, now=datetime(2024, 5, 15, tzinfo=UTC), zone=UTC)
    assert set(read) <= {"5 may 2023"}


def test_long_messages_take_time_in_proportion() -> None:
    assert not_linear(found, ["ieri ", "am "], length=300_000) == []
