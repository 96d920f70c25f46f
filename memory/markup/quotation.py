"""Detection of quoted calls: markup that the model only repeats from a memory or a page."""

import html
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any

from memory.markup.reader_state import WrittenCall

LONG_CHARS = 8
"""Length from which an argument's value identifies a call."""
NEAR_CHARS = 400
"""Maximum distance between a tool's name and its arguments, without their own length."""
MAX_VALUES = 32
"""Values of a call that are searched for, longest first."""
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_LEFT_OUT = re.compile(r"""[\s\\"'`´‘’‚“”„«»\u034f\ufe00-\ufe0f]+""")
_CALLING_BEFORE = re.compile(
    r"(?:name[:=]|function[=:]|functions\.|tool[:=]|tool_?calls?[\]>]|tool_sep\|>|begin\|>|python_tag\|>)[{\[(<|:=>]*$"
)
_CALLING_AFTER = re.compile(
    r"\[args\]|\[call_id\]|[({]|<arg_key>|<\||[,}]*(?:arguments|parameters|args|input)[:=]"
)
_BEFORE_CHARS = 40


def quotes_call(call: WrittenCall, sources: Iterable[str]) -> bool:
    """Return whether a text that the model was shown as data holds the call.

    It does when the tool's name and all long values are near each other, or, without long values, when the
    name is in call markup with all values near it. White space, case, quotes, escapes, entities, invisible
    characters and character widths are ignored.
    """
    name = normalise_quotation(call.name)
    distinct = {value for value in map(normalise_quotation, _leaves(call.arguments)) if value}
    values = sorted(distinct, key=lambda value: (-len(value), value))[:MAX_VALUES]
    return bool(name) and any(_stands(name, values, normalise_quotation(source)) for source in sources)


def normalise_quotation(text: str) -> str:
    """Return a text without the differences that a quotation may have."""
    decoded = html.unescape(html.unescape(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)))
    folded = _LEFT_OUT.sub("", unicodedata.normalize("NFKC", decoded).casefold())
    if folded.isascii() and folded.isprintable():
        return folded
    return "".join(char for char in folded if unicodedata.category(char)[0] != "C").replace("▁", "_")


def _leaves(value: Any) -> Iterator[str]:
    """Yield the values at any depth of the arguments, except booleans and null."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            pending += each.values()
        elif isinstance(each, list):
            pending += each
        elif each is not None and not isinstance(each, bool):
            yield str(each)


def _stands(name: str, values: list[str], source: str) -> bool:
    places = list(_places(name, source))
    if not places:
        return False
    long = [value for value in values if len(value) >= LONG_CHARS]
    if not long:
        places = [place for place in places if _looks_called(source, place, name)]
    reach = NEAR_CHARS + 2 * sum(map(len, values))
    for value in long or values:
        standing = list(_places(value, source))
        places = [place for place in places if _near(place, standing, reach)]
    return bool(places)


def _places(part: str, text: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + len(part))


def _near(place: int, others: list[int], reach: int) -> bool:
    first = bisect_left(others, place - reach)
    return first < len(others) and others[first] <= place + reach


def _looks_called(source: str, place: int, name: str) -> bool:
    """Return whether the name at this place is in call markup."""
    before = source[max(0, place - _BEFORE_CHARS) : place]
    after = source[place + len(name) : place + len(name) + _BEFORE_CHARS]
    return bool(_CALLING_BEFORE.search(before) or _CALLING_AFTER.match(after))
