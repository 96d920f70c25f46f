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
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


def _numbered(spellings: str, start: int = 0) -> dict[str, int]:
    """Number the words of a list; a slash separates spellings of one word."""
    return {
        word: number for number, each in enumerate(spellings.split(", "), start) for word in each.split("/")
    }


def one_of(words: Iterable[str]) -> str:
    """Return a pattern of `words`, longest first."""
    return "(?:" + "|".join(sorted(words, key=len, reverse=True)) + ")"


EN_WEEKDAYS = _numbered("monday, tuesday, wednesday, thursday, friday, saturday, sunday")
RO_WEEKDAYS = _numbered("luni, marti, miercuri, joi, vineri, sambata, duminica")
RO_THE_WEEKDAYS = _numbered("lunea, martea, miercurea, joia, vinerea, sambata, duminica")
WEEKDAYS = EN_WEEKDAYS | RO_WEEKDAYS | RO_THE_WEEKDAYS
OTHER_WEEKDAYS = _numbered(
    "lundi/lunes/montag/hetfo, mardi/martes/dienstag/kedd, mercredi/miercoles/mittwoch/szerda, "
    "jeudi/jueves/donnerstag/csutortok, vendredi/viernes/freitag/pentek, samedi/sabado/samstag/szombat, "
    "dimanche/domingo/sonntag/vasarnap"
)

EN_MONTHS = _numbered(
    "january, february, march, april, may, june, july, august, september, october, november, december", 1
)
EN_SHORT_MONTHS = _numbered("jan, feb, mar, apr, may, jun, jul, aug, sep/sept, oct, nov, dec", 1)
RO_MONTHS = _numbered(
    "ianuarie, februarie, martie, aprilie, mai, iunie, iulie, august, septembrie, octombrie, noiembrie, "
    "decembrie",
    1,
)
MONTHS = EN_SHORT_MONTHS | EN_MONTHS | RO_MONTHS
NAMES_TOO = frozenset({"april", "may", "june", "august"})
"""Months that are also names: "from June" may be a person's letter."""
WORDS_TOO = frozenset({"may", "march", "mar", "mai", "dec", "jan", "sept"})
"""Months that are also words and need a preposition before the day."""
OTHER_MONTHS = _numbered(
    "janvier/enero/januar, fevrier/febrero/februar, mars/marzo/marz/marcius, avril/abril/aprilis/april, "
    "mai/mayo/majus, juin/junio/juni/junius, juillet/julio/juli/julius, aout/agosto/augusztus/august, "
    "septembre/septiembre/szeptember/september, octobre/octubre/oktober, novembre/noviembre/november, "
    "decembre/diciembre/dezember/december",
    1,
)

EN_ORDINALS = _numbered(
    "first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, eleventh, twelfth, "
    "thirteenth, fourteenth, fifteenth, sixteenth, seventeenth, eighteenth, nineteenth, twentieth, "
    "twenty-first, twenty-second, twenty-third, twenty-fourth, twenty-fifth, twenty-sixth, "
    "twenty-seventh, twenty-eighth, twenty-ninth, thirtieth, thirty-first",
    1,
)
RO_ORDINALS = _numbered(
    "prima/intai/intaia/primul, a doua/al doilea/doilea, a treia/al treilea/treilea, "
    "a patra/al patrulea/patrulea, a cincea/al cincilea",
    1,
)
LAST = frozenset({"last", "ultima", "ultimul"})

EN_SEASONS = _numbered("winter, spring, summer, autumn/fall")
RO_SEASONS = _numbered("iarna, primavara, vara, toamna")
SEASONS = EN_SEASONS | RO_SEASONS
"""Number of each season; times three it is the month before its last, as winter begins in December."""

_MORNING, _AFTERNOON, _EVENING, _NIGHT = (5, 12), (12, 18), (17, 24), (22, 30)
EN_PARTS = {"morning": _MORNING, "afternoon": _AFTERNOON, "evening": _EVENING, "night": _NIGHT}
RO_PARTS = {
    **dict.fromkeys(("dupa-amiaza", "dupa amiaza", "dupa-masa", "dupa masa"), _AFTERNOON),
    **{"dimineata": _MORNING, "seara": _EVENING, "noaptea": _NIGHT, "noapte": _NIGHT},
}
PARTS_OF_DAY = EN_PARTS | RO_PARTS
"""First and last hour of each part of the day; hours from 24 on are of the next day."""


def _units(spellings: str) -> dict[str, Unit]:
    return {word: tuple(Unit)[number] for word, number in _numbered(spellings).items()}


EN_UNITS = _units(
    "minute/minutes/min/mins, hour/hours/hr/hrs, day/days, week/weeks, month/months, year/years"
)
RO_UNITS = _units("minut/minute/min, ora/ore, zi/zile, saptamana/saptamani, luna/luni, an/ani")
UNITS = EN_UNITS | RO_UNITS

EN_NUMBERS = _numbered(
    "a/an/one, two/couple, three, four, five, six, seven, eight, nine, ten, eleven, twelve", 1
) | {"fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
RO_NUMBERS = _numbered(
    "o/un/una, doi/doua, trei, patru, cinci, sase, sapte, opt, noua, zece, unsprezece, "
    "doisprezece/douasprezece",
    1,
) | {"cincisprezece": 15, "douazeci": 20, "treizeci": 30, "patruzeci": 40, "cincizeci": 50}
NUMBERS = EN_NUMBERS | RO_NUMBERS
