"""Names of days, months, seasons, units and numbers, folded.

Complete in English and Romanian; only days and months in French, Spanish, German and Hungarian.
"""

from collections.abc import Iterable
from enum import StrEnum


class Language(StrEnum):
    """The language of a rule; figures are in any."""

    ENGLISH = "en"
    ROMANIAN = "ro"
    OTHER = "other"
    """French, Spanish, German or Hungarian."""
    ANY = "any"


class Unit(StrEnum):
    """A unit of time."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


def _numbered(*spellings: str, start: int = 0) -> dict[str, int]:
    return {word: number for number, words in enumerate(spellings, start) for word in words.split()}


def one_of(words: Iterable[str]) -> str:
    """Return a pattern of `words`, longest first."""
    return "(?:" + "|".join(sorted(words, key=len, reverse=True)) + ")"


EN_WEEKDAYS = _numbered("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
RO_WEEKDAYS = _numbered("luni", "marti", "miercuri", "joi", "vineri", "sambata", "duminica")
RO_THE_WEEKDAYS = _numbered("lunea", "martea", "miercurea", "joia", "vinerea", "sambata", "duminica")
WEEKDAYS = EN_WEEKDAYS | RO_WEEKDAYS | RO_THE_WEEKDAYS

EN_MONTHS = _numbered(
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
    start=1,
)
EN_SHORT_MONTHS = _numbered(
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep sept", "oct", "nov", "dec", start=1
)
RO_MONTHS = _numbered(
    *("ianuarie", "februarie", "martie", "aprilie", "mai", "iunie", "iulie", "august"),
    *("septembrie", "octombrie", "noiembrie", "decembrie"),
    start=1,
)
MONTHS = EN_SHORT_MONTHS | EN_MONTHS | RO_MONTHS
NAMES_TOO = frozenset({"april", "may", "june", "august"})
"""Months that are also names: "from June" may be a person's letter."""
WORDS_TOO = frozenset({"may", "march", "mar", "mai", "dec", "jan", "sept"})
"""Months that are also words and need a preposition before the day."""

OTHER_MONTHS = _numbered(
    *(
        "janvier enero januar januar",
        "fevrier febrero februar",
        "mars marzo marz marcius",
        "avril abril aprilis",
    ),
    *("mai mayo majus", "juin junio juni junius", "juillet julio juli julius", "aout agosto augusztus"),
    *(
        "septembre septiembre szeptember",
        "octobre octubre oktober",
        "novembre noviembre",
        "decembre diciembre",
    ),
    start=1,
) | {"august": 8, "dezember": 12, "april": 4, "september": 9, "november": 11, "december": 12, "februar": 2}
OTHER_WEEKDAYS = _numbered(
    *("lundi lunes montag hetfo", "mardi martes dienstag kedd", "mercredi miercoles mittwoch szerda"),
    *(
        "jeudi jueves donnerstag csutortok",
        "vendredi viernes freitag pentek",
        "samedi sabado samstag szombat",
    ),
    "dimanche domingo sonntag vasarnap",
)
EN_ORDINALS = _numbered(
    *(
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
    ),
    *("twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth"),
    *("nineteenth", "twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth"),
    *("twenty-fifth", "twenty-sixth", "twenty-seventh", "twenty-eighth", "twenty-ninth", "thirtieth"),
    "thirty-first",
    start=1,
)
RO_ORDINALS = {
    **dict.fromkeys(("prima", "intai", "intaia", "primul"), 1),
    **dict.fromkeys(("a doua", "al doilea", "doilea"), 2),
    **dict.fromkeys(("a treia", "al treilea", "treilea"), 3),
    **dict.fromkeys(("a patra", "al patrulea", "patrulea"), 4),
    **dict.fromkeys(("a cincea", "al cincilea"), 5),
}
LAST = frozenset({"last", "ultima", "ultimul"})

EN_SEASONS = _numbered("winter", "spring", "summer", "autumn fall")
RO_SEASONS = _numbered("iarna", "primavara", "vara", "toamna")
SEASONS = EN_SEASONS | RO_SEASONS
"""Number of each season; times three it is the month before its last, as winter begins in December."""

PARTS_OF_DAY = {
    "morning": (5, 12),
    "afternoon": (12, 18),
    "evening": (17, 24),
    "night": (22, 30),
    "dimineata": (5, 12),
    "dupa-amiaza": (12, 18),
    "dupa amiaza": (12, 18),
    "dupa-masa": (12, 18),
    "dupa masa": (12, 18),
    "seara": (17, 24),
    "noaptea": (22, 30),
    "noapte": (22, 30),
}
"""First and last hour of each part of the day; hours from 24 on are of the next day."""
EN_PARTS = tuple(PARTS_OF_DAY)[:4]
RO_PARTS = tuple(PARTS_OF_DAY)[4:]

EN_UNITS = {
    **dict.fromkeys(("minute", "minutes", "min", "mins"), Unit.MINUTE),
    **dict.fromkeys(("hour", "hours", "hr", "hrs"), Unit.HOUR),
    **dict.fromkeys(("day", "days"), Unit.DAY),
    **dict.fromkeys(("week", "weeks"), Unit.WEEK),
    **dict.fromkeys(("month", "months"), Unit.MONTH),
    **dict.fromkeys(("year", "years"), Unit.YEAR),
}
RO_UNITS = {
    **dict.fromkeys(("minut", "minute", "min"), Unit.MINUTE),
    **dict.fromkeys(("ora", "ore"), Unit.HOUR),
    **dict.fromkeys(("zi", "zile"), Unit.DAY),
    **dict.fromkeys(("saptamana", "saptamani"), Unit.WEEK),
    **dict.fromkeys(("luna", "luni"), Unit.MONTH),
    **dict.fromkeys(("an", "ani"), Unit.YEAR),
}
UNITS = EN_UNITS | RO_UNITS

EN_NUMBERS = _numbered(
    *("a an one", "two couple", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
    start=1,
) | {"fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
RO_NUMBERS = _numbered(
    *("o un una", "doi doua", "trei", "patru", "cinci", "sase", "sapte", "opt", "noua", "zece"),
    *("unsprezece", "doisprezece douasprezece"),
    start=1,
) | {"cincisprezece": 15, "douazeci": 20, "treizeci": 30, "patruzeci": 40, "cincizeci": 50}
NUMBERS = EN_NUMBERS | RO_NUMBERS
