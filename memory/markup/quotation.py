"""Tell a call from a quotation: markup in a memory or on a page that the model merely repeats."""

import html
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any

from memory.markup.reader_state import WrittenCall

LONG_CHARS = 8
"""From this length on an argument's value tells one call from another."""
NEAR_CHARS = 400
"""How far from the tool's name its arguments may stand, their own length aside."""
MAX_VALUES = 32
"""How many values of a call are looked for, the longest first."""
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
    """Tell whether a call stands in one of the texts that the model was shown as data.

    It does when the tool's name and all of the values that are long enough to tell stand near each other, or,
    without such values, when the name stands in what looks like a call, with all of the values near. White
    space, case, quotes, escapes, entities, unseen characters and widths of characters make no difference.
    """
    name = plain(call.name)
    distinct = {value for value in map(plain, _leaves(call.arguments)) if value}
    values = sorted(distinct, key=lambda value: (-len(value), value))[:MAX_VALUES]
    return bool(name) and any(_stands(name, values, plain(source)) for source in sources)


def plain(text: str) -> str:
    """Return a text without what a quotation may change."""
    decoded = html.unescape(html.unescape(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)))
    folded = _LEFT_OUT.sub("", unicodedata.normalize("NFKC", decoded).casefold())
    if folded.isascii() and folded.isprintable():
        return folded
    return "".join(char for char in folded if unicodedata.category(char)[0] != "C").replace("▁", "_")


def _leaves(value: Any) -> Iterator[str]:
    """Yield what stands in arguments, however deep; true, false and nothing tell nothing."""
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
    """Tell whether a name stands as names of tools do in markup."""
    before = source[max(0, place - _BEFORE_CHARS) : place]
    after = source[place + len(name) : place + len(name) + _BEFORE_CHARS]
    return bool(_CALLING_BEFORE.search(before) or _CALLING_AFTER.match(after))
