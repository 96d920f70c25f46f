"""Rules for holidays in English, Romanian, French, Spanish and German: the latest that has begun."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Literal

from dateutil.easter import EASTER_ORTHODOX, EASTER_WESTERN, easter

from memory.temporal.time_spans import DAY, WEEK, Days, Moment, Needs, Reader, Rule, Span, day_of, rule
from memory.temporal.time_words import Language

NIGHT = (17, 30)
"""Hours of the night that begins on a day."""
_AFTER = frozenset({"after", "de dupa", "dupa"})
_NIGHTS = frozenset({"night", "noaptea"})


@dataclass(frozen=True, slots=True)
class Holiday:
    """A holiday and its names as folded patterns; "" where a language has none."""

    of: Callable[[int], Days]
    """Its days in a year."""
    english: str = ""
    romanian: str = ""
    other: str = ""


def _fixed(month: int, day: int, last: int | None = None) -> Callable[[int], Days]:
    return lambda year: Days(date(year, month, day), date(year, month, last or day) + DAY)


def _easter(method: Literal[1, 2, 3], year: int) -> Days:
    """Return Easter Sunday and Monday."""
    sunday = easter(year, method)
    return Days(sunday, sunday + 2 * DAY)


def _nth_weekday(month: int, number: int, weekday: int, year: int) -> Days:
    first = date(year, month, 1)
    return day_of(first + DAY * ((weekday - first.weekday()) % 7) + WEEK * (number - 1))


def _black_friday(year: int) -> Days:
    return day_of(_THANKSGIVING(year).end)


_THANKSGIVING = partial(_nth_weekday, 11, 4, 3)
_MAY_HOLIDAY = partial(_nth_weekday, 5, 1, 0)
"""The British and Irish date."""

HOLIDAYS = (
    Holiday(
        _fixed(1, 1),
        "new year(?:'?s)?(?: day| morning)?",
        "anul nou",
        "nouvel an|jour de l'an|ano nuevo|neujahr",
    ),
    Holiday(
        _fixed(2, 14),
        "valentine'?s?(?: day)?",
        "valentine'?s(?: day)?|ziua indragostitilor",
        "saint-valentin",
    ),
    Holiday(_MAY_HOLIDAY, "(?:early )?may bank holiday"),
    Holiday(
        partial(_easter, EASTER_WESTERN),
        "easter(?: sunday| monday)?",
        "pastele catolic",
        "paques|pascua|ostern",
    ),
    Holiday(partial(_easter, EASTER_ORTHODOX), "orthodox easter", "past[ei](?:le)?"),
    Holiday(_fixed(8, 15), romanian=r"(?:sf\.?|sfanta) maria"),
    Holiday(_fixed(10, 31), "halloween", "halloween", "halloween"),
    Holiday(_THANKSGIVING, "thanksgiving(?: day)?"),
    Holiday(_black_friday, "black friday", "black friday", "black friday"),
    Holiday(_fixed(12, 6), "st nicholas(?: day)?", r"(?:mos|sf\.?|sfantul) nicolae", "nikolaus"),
    Holiday(
        _fixed(12, 24),
        "christmas eve",
        "ajun(?:ul)?(?: (?:de craciun|craciunului))?",
        "nochebuena|heiligabend",
    ),
    Holiday(_fixed(12, 24, 26), other="noel|navidad|weihnachten"),
    Holiday(_fixed(12, 25), "christmas (?:day|morning)", "ziua de craciun"),
    Holiday(_fixed(12, 26), "boxing day", "doua zi de craciun"),
    Holiday(_fixed(12, 31), "new year'?s eve", "revelion", "nochevieja|silvester|reveillon"),
)
_SIDE = r"(?:the )?(?P<part>day|night|morning|evening) (?P<side>after|before) "
_SIDE_RO = r"(?P<part>ziua|seara|noaptea|dimineata) (?P<side>(?:de )?dupa|(?:de )?dinainte de) "
_SPOKEN = (
    (Language.ENGLISH, r"(?:(?:on|at|over|during) (?:the )?|{side})(?:{name})|(?:{name})(?=,)", _SIDE),
    (Language.ROMANIAN, r"(?:(?:de|la|pe|in|a) |{side})(?:{name})", _SIDE_RO),
    (Language.OTHER, r"(?:a|le|la|en|el|an|zu|au) (?:{name})", ""),
)


def _reader(holiday: Holiday) -> Reader:
    def read(found: re.Match[str], moment: Moment) -> Span:
        groups, this = found.groupdict(), holiday.of(moment.today.year)
        days = this if this.start <= moment.today else holiday.of(moment.today.year - 1)
        if not groups.get("side"):
            return moment.whole(days)
        if groups["side"] not in _AFTER:
            return moment.whole(day_of(days.start - DAY))
        if groups["part"] in _NIGHTS:
            return moment.hours(days.end - DAY, NIGHT)
        return moment.whole(day_of(days.end))

    return read


def _rules(holiday: Holiday) -> list[Rule]:
    names = (holiday.english, holiday.romanian, holiday.other)
    return [
        rule(pattern.format(side=side, name=name), _reader(holiday), needs=Needs.PAST, language=language)
        for (language, pattern, side), name in zip(_SPOKEN, names, strict=True)
        if name
    ]


RULES = tuple(each for holiday in HOLIDAYS for each in _rules(holiday))
