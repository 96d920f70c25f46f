"""Written dates, parsed by `dateparser`.

Importing it takes about 0.1 s, and the first date of each language as long again: call `warm_up` in a thread
at start.
"""

import re
from datetime import date
from functools import cache
from typing import Any

_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")
_LONGEST = 80
"""Most characters of a date, far more than any needs; dateparser took 1.8 s for 16 kB."""
_ANY_LEAP_YEAR = 2000
_LEAP_YEARS_APART = 8


def warm_up() -> None:
    for text in ("1 january 2000", "1 ianuarie 2000"):
        _read(text)


def parse_day(text: str, *, until: date) -> date | None:
    """Parse a day such as "5 may 2023", "march 12th", "3 martie", "12.05.2023" (day first) or "2023-05-07".

    Without a year it is the latest not after `until`. Longer texts give None.
    """
    if len(text) > _LONGEST:
        return None
    if _YEAR.search(text):
        return _read(text)
    if _read(f"{text} {_ANY_LEAP_YEAR}") is None:
        return None
    candidates = (_read(f"{text} {until.year - back}") for back in range(_LEAP_YEARS_APART + 1))
    return next((day for day in candidates if day and day <= until), None)


def next_day(text: str, *, since: date) -> date | None:
    """Parse such a day; without a year it is the earliest not before `since`."""
    if len(text) > _LONGEST:
        return None
    if _YEAR.search(text):
        return _read(text)
    candidates = (_read(f"{text} {since.year + ahead}") for ahead in range(_LEAP_YEARS_APART + 1))
    return next((day for day in candidates if day and day >= since), None)


@cache
def _parser() -> Any:
    from dateparser.date import DateDataParser  # noqa: PLC0415 - slow to import

    settings = {"DATE_ORDER": "DMY", "PREFER_LOCALE_DATE_ORDER": False, "PARSERS": ["absolute-time"]}
    return DateDataParser(languages=["en", "ro"], settings=settings)


def _read(text: str) -> date | None:
    found = _parser().get_date_data(text)
    day: date | None = found.date_obj.date() if found.date_obj and found.period == "day" else None
    return day
