"""Segmentation of text into lines and sentences, and of these into words."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import pairwise

from memory.text.text import LazyPattern


class Style(Enum):
    """Use of the words."""

    STORED = "stored"
    SEARCHED = "searched"


STORED = Style.STORED
SEARCHED = Style.SEARCHED


_HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNSPACED = (
    f"{_HAN}\u3040-\u30ff\u31f0-\u31ff\u1100-\u11ff\uac00-\ud7af\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_UNSEEN = re.compile(
    "[\u00ad\u200b-\u200f\u2060\ufeff\u0307\u0591-\u05bd\u0610-\u061a\u064b-\u0652\u0670\u0640]"
)
_SEGMENT = re.compile(r"[\r\n\u2028\u2029]+|(?<=[.!?…])\s+|(?<=[。！？])")
_HAS_UNSPACED = LazyPattern(f"[{_UNSPACED}]")
_SCRIPTS = LazyPattern(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_IS_HAN = LazyPattern(f"[{_HAN}]")
_JOINTS = re.compile(r"[-_\u2010\u2011]+")
_APOSTROPHES = re.compile("['’ʼ]")
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?")
_DECIMALS = re.compile(r"[.,](?=\d{1,2}$)")
_GROUPS = re.compile("[.,:]")
_SHORT_FORMS = frozenset(("s", "m", "ll", "ve", "re", "d"))
_ELIDED = frozenset(("l", "d", "j", "m", "n", "s", "t", "c", "qu", "dell", "nell", "all", "un"))
_CLITIC_WORDS = """
ul ului uri urile urilor lui i l o le mi ti te ne se si va vi ma am ai a ati au as ar
"""
_CLITICS = frozenset(_CLITIC_WORDS.split())
_YEAR_DIGITS = 4
_DATE_GROUPS = 3


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Patterns of words with combining marks."""

    bare: re.Pattern[str]
    too_many_marks: re.Pattern[str]
    chunk: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    """Build the patterns from the Unicode marks, which have no `re` class."""
    blocks = (range(0x300, 0x1D00), range(0xA800, 0xAC00), range(0x3099, 0x309B))
    marks = "".join(chr(c) for block in blocks for c in block if unicodedata.category(chr(c))[0] == "M")
    word = rf"[\w{marks}]+"
    return _Patterns(
        bare=re.compile(rf"(?:[^\W_]|[{marks}])+"),
        too_many_marks=re.compile(f"([{marks}]{{16}})[{marks}]+"),
        chunk=re.compile(rf"{word}(?:(?:['’ʼ\-\u2010\u2011]|(?<=\d)[.,:](?=\d)){word})*"),
    )


def normalise(text: str) -> str:
    """Return `text` case-folded, in NFKC, without invisible characters."""
    if text.isascii():
        return text.lower()
    bounded = _patterns().too_many_marks.sub(r"\1", text)
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", bounded).casefold())


def segments(text: str) -> Iterator[str]:
    """Split normalised text into lines and sentences."""
    return (segment for segment in _SEGMENT.split(text) if segment)


def chunks(segment: str) -> list[str]:
    """Split a segment at spaces and punctuation, but not at joints within a word or a number."""
    return _patterns().chunk.findall(segment)


def words(chunk: str, style: Style) -> list[str]:
    """Return the words of a chunk: its parts, then the hyphenated whole."""
    if chunk.isalpha() and chunk.isascii():
        return [chunk]
    if _HAS_UNSPACED.compiled.search(chunk):
        return [word for run in _SCRIPTS.compiled.findall(chunk) for word in _run_words(run, style)]
    return _compound(chunk)


def _run_words(run: str, style: Style) -> list[str]:
    return _ngrams(run, style) if _HAS_UNSPACED.compiled.match(run) else _compound(run)


def _ngrams(run: str, style: Style) -> list[str]:
    """Return the bigrams of a run; documents also get each Han character, which may be a word."""
    if len(run) == 1:
        return [run]
    pairs = [a + b for a, b in pairwise(run)]
    return pairs + _IS_HAN.compiled.findall(run) if style is STORED else pairs


def _compound(chunk: str) -> list[str]:
    parts = [part for part in _JOINTS.split(chunk) if part]
    if len(parts) == 1:
        return _simple(parts[0])
    found = [word for part in parts if len(part) > 1 or part.isdigit() for word in _simple(part)]
    return [*found, "".join(_bare(part) for part in parts)] if _is_one_word(parts) else found


def _is_one_word(parts: list[str]) -> bool:
    """Distinguish `e-mail` and `start-up` from Romanian words with a clitic (`dă-mi`, `l-am`)."""
    return len(parts) > 1 and parts[-1] not in _CLITICS


def _simple(part: str) -> list[str]:
    if part.isalnum():
        return [part]
    if _GROUPS.search(part):
        return _number(part)
    return _with_apostrophes(part)


def _number(part: str) -> list[str]:
    """Return a number, time or date as one word, and the year of a date."""
    if _THOUSANDS.fullmatch(part):
        return [_DECIMALS.sub("_", part).replace(",", "").replace(".", "")]
    groups = [_bare(group) for group in _GROUPS.split(part)]
    years = [group for group in groups if len(group) == _YEAR_DIGITS and group.isdigit()]
    return ["_".join(groups), *(years if len(groups) == _DATE_GROUPS else [])]


def _with_apostrophes(part: str) -> list[str]:
    head, *rest = _APOSTROPHES.split(part)
    if len(rest) == 1 and rest[0] in _SHORT_FORMS:
        return [head]
    if len(rest) == 1 and head in _ELIDED:
        return rest
    return ["".join([head, *rest])]


def _bare(part: str) -> str:
    return "".join(_patterns().bare.findall(part))
