"""Analysis of text into index terms, the same for documents and queries.

A term holds only letters, digits, combining marks and `_`. With `tokenize = "ascii tokenchars '_'"` FTS5
leaves terms joined by spaces exactly as they are.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice
from typing import Protocol, cast

from memory.lexical.segments import SEARCHED, STORED, Style, chunks, normalise, segments, words
from memory.lexical.stems import ALGORITHMS, fold, is_stop_word, stem

UNKNOWN = ""
_ENGLISH_WORDS = """
the and you that with this have what my your they were from would it's i'm don't for it to not but can how
when who did does has his she their there about which just like been could should i'd i've that's it’s i’m
don’t we're i'll where why are is was our i
"""
_ROMANIAN_WORDS = """
nu este sunt din pentru mai cu ce pe cum cand când unde daca dacă dar sau fost foarte asta acest aceasta
această acum toate meu mea mele imi îmi iti îți isi își despre fara fără intr într dintr prin pana până dupa
după cat cât cine doar vreau pot poti poți eu noi avem aveti aveți stiu știu salut multumesc mulțumesc mult
azi ieri maine mâine anul unui unei lui cel cei cele acolo aici atunci vom sa să si și în că ca la am ai
mi-a s-a l-am m-am mi-am i-am ți-am într-o într-un intr-o intr-un ma mă era aveam ne
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_ROMANIAN = frozenset(_ROMANIAN_WORDS.split())
_ROMANIAN_LETTERS = re.compile("[ășțţ]")
_LETTERS = {"ru": re.compile("[а-я]"), "el": re.compile("[α-ω]"), "hi": re.compile("[\u0900-\u097f]")}
_BEYOND_ENGLISH = re.compile(r"[^\W\d_a-z]")
_EXPECTED = ("en", "ro")
_IN_BOTH = frozenset(("an", "care", "cat", "cum", "mine", "am", "sa", "ca", "are", "o", "din", "in", "la"))
_VOTES = 2
_TOLD_BY_LETTERS = 2
_ENOUGH_CHARS = 20
_ENOUGH_WORDS = 4
_SURE_WORDS = 6
_READ_CHARS = 300
_UNSTEMMED = ("bg", "fa", "he", "hr", "ja", "ko", "sk", "sr", "th", "uk", "vi", "zh")
MAX_TERM_CHARS = 40
MAX_TERMS = 20_000
_CACHED_CHARS = 100
_WHEN_UNKNOWN = "en"  # a query's words are also stemmed as English


class Identifier(Protocol):
    """Interface of py3langid that is used here."""

    def set_languages(self, langs: list[str]) -> None: ...
    def classify(self, instance: str) -> tuple[str, float]: ...


def language_of(segment: str, words: list[str], *, before: str) -> str:
    """Return the ISO 639-1 code of a normalised segment.

    Segments too short to identify take `before`, the language of the segment before, or `UNKNOWN`.
    """
    distinct = set(words)
    english = len(_ENGLISH & distinct)
    romanian = len(_ROMANIAN & distinct) + _TOLD_BY_LETTERS * bool(_ROMANIAN_LETTERS.search(segment))
    if english != romanian and max(english, romanian) >= _VOTES:
        return "en" if english > romanian else "ro"
    if len(words) >= _ENOUGH_WORDS and len(segment) >= _ENOUGH_CHARS:
        guess = _identified(segment)
        if guess in _EXPECTED or len(words) >= _SURE_WORDS or _BEYOND_ENGLISH.search(segment):
            return guess
    return _by_script(segment) or before or _leaning(distinct)


def identify_letters(segment: str) -> str:
    """Identify a segment of any length by its letters outside a to z; `UNKNOWN` without any."""
    return _identified(segment) if _BEYOND_ENGLISH.search(segment) else UNKNOWN


def _identified(segment: str) -> str:
    return identifier().classify(segment[:_READ_CHARS])[0]


def _by_script(segment: str) -> str:
    return next((language for language, letters in _LETTERS.items() if letters.search(segment)), UNKNOWN)


def _leaning(words: set[str]) -> str:
    """Decide by single small words that are not words of both languages."""
    telling = words - _IN_BOTH
    english, romanian = len(_ENGLISH & telling), len(_ROMANIAN & telling)
    if english == romanian:
        return UNKNOWN
    return "en" if english > romanian else "ro"


@cache
def identifier() -> Identifier:
    """Load py3langid's model on first use: it takes most of a second."""
    from py3langid import langid  # noqa: PLC0415 - slow to import

    loaded = cast(Identifier, langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE))
    loaded.set_languages([*ALGORITHMS, *_UNSTEMMED])
    return loaded


def terms(text: str) -> list[str]:
    """Return the terms of a document in order, with repeats; at most `MAX_TERMS`."""
    return list(islice(_document_terms(text), MAX_TERMS))


def query_terms(text: str) -> list[tuple[str, ...]]:
    """Return, for each distinct word of a query in order, the terms that it matches in documents.

    The language of a query is a guess, so each word is also stemmed as English and Romanian, and left
    unstemmed.
    """
    return list(dict.fromkeys(islice(_query_words(text), MAX_TERMS)))


def _document_terms(text: str) -> Iterator[str]:
    language = UNKNOWN
    for segment in segments(normalise(text)):
        found = chunks(segment)
        language = language_of(segment, found, before=language)
        for chunk in found:
            yield from _chunk_terms(language, chunk)


def _query_words(text: str) -> Iterator[tuple[str, ...]]:
    language = UNKNOWN
    for segment in segments(normalise(text)):
        found = chunks(segment)
        language = language_of(segment, found, before=language)
        stemmed_as = language or identify_letters(segment)
        for chunk in found:
            for word in _kept_words(language, chunk, SEARCHED):
                yield _alternatives(stemmed_as, word)


def _chunk_terms(language: str, chunk: str) -> tuple[str, ...]:
    if len(chunk) > _CACHED_CHARS:
        return _analysed(language, chunk)
    return _remembered(language, chunk)


def _analysed(language: str, chunk: str) -> tuple[str, ...]:
    stemmed_as = language or _WHEN_UNKNOWN
    return tuple(_term(stemmed_as, word) for word in _kept_words(language, chunk, STORED))


_remembered = lru_cache(maxsize=2**16)(_analysed)


def _kept_words(language: str, chunk: str, style: Style) -> list[str]:
    found = ((word, fold(word)) for word in words(chunk, style))
    return [word for word, folded in found if folded and not is_stop_word(language, folded)]


def _alternatives(language: str, word: str) -> tuple[str, ...]:
    languages = (language, "en", "ro", UNKNOWN)
    return tuple(dict.fromkeys(_term(candidate, word) for candidate in languages))


def _term(language: str, word: str) -> str:
    return stem(language, word[:MAX_TERM_CHARS])[:MAX_TERM_CHARS]
