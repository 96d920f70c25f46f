"""Analysis of text into index terms, the same for documents and queries.

A text is cut into lines and sentences, these into words; the words' stems are the terms. A term holds only
letters, digits, combining marks and `_`. With `tokenize = "ascii tokenchars '_'"` FTS5 leaves terms joined by
spaces exactly as they are.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice, pairwise

from memory.lexical.languages import UNKNOWN, fold, identify_letters, is_stop_word, language_of, stem
from memory.text.text import LazyPattern

MAX_TERM_CHARS = 40
MAX_TERMS = 20_000
_CACHED_CHARS = 100
_WHEN_UNKNOWN = "en"  # a query's words are also stemmed as English

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


def terms(text: str) -> list[str]:
    """Return the terms of a document in order, with repeats; at most `MAX_TERMS`."""
    found = (
        term
        for language, _, chunks in _segments(text)
        for chunk in chunks
        for term in (_analysed if len(chunk) > _CACHED_CHARS else _remembered)(language, chunk)
    )
    return list(islice(found, MAX_TERMS))


def query_terms(text: str) -> list[tuple[str, ...]]:
    """Return, for each distinct word of a query in order, the terms that it matches in documents.

    The language of a query is a guess, so each word is also stemmed as English and Romanian, and left
    unstemmed.
    """
    found = (
        tuple(dict.fromkeys(_term(each, word) for each in stemmed_as))
        for language, segment, chunks in _segments(text)
        for stemmed_as in [(language or identify_letters(segment), "en", "ro", UNKNOWN)]
        for chunk in chunks
        for word in _kept_words(language, chunk, stored=False)
    )
    return list(dict.fromkeys(islice(found, MAX_TERMS)))


def _segments(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the lines and sentences of a text, each with its language and its chunks.

    Chunks are what spaces and punctuation part, except joints within a word or a number.
    """
    language = UNKNOWN
    for segment in _SEGMENT.split(_normalise(text)):
        if segment:
            chunks = _patterns().chunk.findall(segment)
            language = language_of(segment, chunks, before=language)
            yield language, segment, chunks


def _normalise(text: str) -> str:
    """Return `text` case-folded, in NFKC, without invisible characters."""
    if text.isascii():
        return text.lower()
    bounded = _patterns().too_many_marks.sub(r"\1", text)
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", bounded).casefold())


def _analysed(language: str, chunk: str) -> tuple[str, ...]:
    stemmed_as = language or _WHEN_UNKNOWN
    return tuple(_term(stemmed_as, word) for word in _kept_words(language, chunk, stored=True))


_remembered = lru_cache(maxsize=2**16)(_analysed)


def _kept_words(language: str, chunk: str, *, stored: bool) -> list[str]:
    found = ((word, fold(word)) for word in _words(chunk, stored=stored))
    return [word for word, folded in found if folded and not is_stop_word(language, folded)]


def _term(language: str, word: str) -> str:
    return stem(language, word[:MAX_TERM_CHARS])[:MAX_TERM_CHARS]


def _words(chunk: str, *, stored: bool) -> list[str]:
    """Return the words of a chunk of a document or a query: its parts, then the hyphenated whole."""
    if chunk.isalpha() and chunk.isascii():
        return [chunk]
    if not _HAS_UNSPACED.compiled.search(chunk):
        return _compound(chunk)
    found = list[str]()
    for run in _SCRIPTS.compiled.findall(chunk):
        found += _ngrams(run, stored=stored) if _HAS_UNSPACED.compiled.match(run) else _compound(run)
    return found


def _ngrams(run: str, *, stored: bool) -> list[str]:
    """Return the bigrams of a run; documents also get each Han character, which may be a word."""
    if len(run) == 1:
        return [run]
    pairs = [a + b for a, b in pairwise(run)]
    return pairs + _IS_HAN.compiled.findall(run) if stored else pairs


def _compound(chunk: str) -> list[str]:
    parts = [part for part in _JOINTS.split(chunk) if part]
    if len(parts) == 1:
        return _simple(parts[0])
    found = [word for part in parts if len(part) > 1 or part.isdigit() for word in _simple(part)]
    if parts and parts[-1] not in _CLITICS:  # `e-mail` is one word as well, unlike `dă-mi` and `l-am`
        found.append("".join(map(_bare, parts)))
    return found


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
