"""Patterns of dates, times and numbers in ASCII digits."""

import re

from memory.grounding.number_readings import SCALES
from memory.text.lazy_pattern import LazyPattern

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
