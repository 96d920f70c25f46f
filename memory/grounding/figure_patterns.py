"""Patterns of dates, times and numbers, and the values that a written number may have.

Ambiguous separators are read both ways.
"""

import re

from memory.text.text import LazyPattern

_SEPARATED = re.compile(r"[.,'’ \u00a0\u2009\u202f]")
_GROUP = 3
_CLOCK = re.compile(r"([01]?\d|2[0-3])\.([0-5]\d)")
_MAX_EXPONENT = 30
SCALES = {
    "k": 3, "thousand": 3, "mii": 3, "mie": 3,
    "m": 6, "mn": 6, "mil": 6, "million": 6, "millions": 6, "milion": 6, "milioane": 6,
    "b": 9, "bn": 9, "mld": 9, "billion": 9, "billions": 9, "miliard": 9, "miliarde": 9,
    "trillion": 12, "trilioane": 12,
}  # fmt: skip
"""Powers of ten of words after a number."""

Reading = frozenset[str]
"""Values that a source must hold together to support a figure."""

_MONTHS = (
    "jan|ianuarie|ian", "feb|februarie", "mar|martie", "apr|aprilie", "may|mai", "jun|iunie|iun",
    "jul|iulie|iul", "aug|august", "sep|sept|septembrie", "oct|octombrie", "nov|noiembrie|noi",
    "dec|decembrie",
)  # fmt: skip
_ENGLISH = (
    "January February March April May June July August September October November December".lower().split()
)
MONTHS = {
    name: str(number)
    for number, names in enumerate(_MONTHS, start=1)
    for name in (*names.split("|"), _ENGLISH[number - 1])
}
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_SCALE = "|".join(sorted((word for word in SCALES if len(word) > 1), key=len, reverse=True))
_SPACE = "[ \u00a0\u2009\u202f]"
_NOTHING_MORE = r"(?!\d|[-/.]\d)"
_TH = "(?:st|nd|rd|th)?"
_YEAR = rf",?{_SPACE}"
FIGURE = LazyPattern(
    rf"""
    (?<!\d)(?:
      (?P<iso>(?P<iy>\d{{4}})[-/.](?P<im>\d{{1,2}})[-/.](?P<id>\d{{1,2}}){_NOTHING_MORE})
    | (?P<dmy>(?<!\d[-/.])(?P<dd>\d{{1,2}})(?P<ds>[-/.])(?P<dm>\d{{1,2}})(?P=ds)
        (?P<dy>\d{{4}}|\d\d){_NOTHING_MORE})
    | (?P<named>(?P<nd>\d{{1,2}}){_TH}{_SPACE}(?:of{_SPACE})?(?P<nm>{_MONTH})\.?
        (?:{_YEAR}(?P<ny>\d{{4}}))?(?!\w))
    | (?P<clock>(?<!\d:)(?P<ch>[01]?\d|2[0-4]):(?P<cm>[0-5]\d)(?::(?P<cs>[0-5]\d))?(?!\d|:\d)
        (?:{_SPACE}?(?P<cp>[ap])\.?m\b)?)
    | (?P<hour>(?P<hh>1[0-2]|[1-9]){_SPACE}?(?P<hp>[ap])\.?m\b)
    | (?P<power>(?P<pm>\d{{1,40}}(?:\.\d{{1,40}})?)e(?P<pe>[+-]?\d{{1,3}})(?!\w))
    | (?=(?P<number>\d{{1,3}}(?:{_SPACE}\d{{3}}(?!\d))+(?:[.,]\d+)?|\d+(?:[.,'’]\d+)*))(?P=number)
      (?:(?P<attached>k|bn|mn)(?!\w)|{_SPACE}?(?:de{_SPACE})?(?P<scale>{_SCALE})(?!\w))?
    )
    | (?P<us>(?<!\w)(?P<um>{_MONTH})\.?{_SPACE}(?P<ud>\d{{1,2}}){_TH}
        (?:{_YEAR}(?P<uy>\d{{4}}))?(?!\w|{_SPACE}\d{{3}}|[.,:]\d))
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""One figure; the outer group names its kind.

A number is matched by lookahead and back-reference, so that it is atomic: possessive quantifiers over groups
are broken in Python 3.11.2, the version of Debian 12.
"""
NOT_COUNTED = re.compile(
    r"^[ \t>*_#+-]{0,12}\d{1,3}[.)](?=[ \t*]|$)|(?<=\()#[^\s()]*|\{#[^\s{}]*\}", re.MULTILINE
)


def canonical(whole: str, fraction: str = "") -> str:
    kept = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + ("." + kept if kept else "")


def shift_point(value: str, places: int) -> str:
    """Move the decimal point of a canonical number to the right, or to the left for negative `places`."""
    whole, _, fraction = value.partition(".")
    if places < 0:
        padded = whole.zfill(1 - places)
        return canonical(padded[:places], padded[places:] + fraction)
    padded = fraction.ljust(places, "0")
    return canonical(whole + padded[:places], padded[places:])


def readings(written: str, scale: str = "") -> tuple[Reading, ...]:
    """Return the readings of a number in ASCII digits with separators, the likeliest first."""
    values = _values(written)
    if scale:
        plain = values if sum(map(str.isdigit, written)) > 1 else []
        values = [shift_point(value, SCALES[scale]) for value in values if value.count(".") <= 1] + plain
    found = [frozenset([value]) for value in values]
    parts = _SEPARATED.split(written)
    if len(parts) > 1 and not any(char in written for char in ".'’"):
        found.append(frozenset(map(canonical, parts)))
    if clock := _CLOCK.fullmatch(written):
        found.append(frozenset([f"{int(clock[1])}:{clock[2]}"]))
    return tuple(dict.fromkeys(found))


def scientific(mantissa: str, exponent: str) -> tuple[Reading, ...]:
    """Return the reading of a number with an exponent; unexpanded if that is large."""
    whole, _, fraction = mantissa.partition(".")
    power = int(exponent)
    value = canonical(whole, fraction)
    if abs(power) > _MAX_EXPONENT:
        return (frozenset([f"{value}e{power}"]),)
    return (frozenset([shift_point(value, power)]),)


def _values(written: str) -> list[str]:
    parts = _SEPARATED.split(written)
    marks = _SEPARATED.findall(written)
    if not marks:
        return [canonical(written)]
    grouped = _in_groups(parts[:-1])
    decimal = [canonical("".join(parts[:-1]), parts[-1])]
    last = marks[-1]
    if last in ".," and last not in marks[:-1] and (grouped or len(marks) == 1):
        thousands = len(marks) == 1 and _in_groups(parts)
        return ([canonical("".join(parts))] if thousands else []) + decimal
    if _in_groups(parts):
        return [canonical("".join(parts))]
    return [".".join(map(canonical, parts))]


def _in_groups(parts: list[str]) -> bool:
    """Return whether the parts of a number are thousands, or pairs as in India."""
    first, *rest = parts
    if not rest:
        return True
    return len(first) <= _GROUP and len(rest[-1]) == _GROUP and all(len(p) in (2, _GROUP) for p in rest)
