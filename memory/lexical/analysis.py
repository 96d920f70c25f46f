"""Text turned into terms for a lexical index, the same way when it is written and when it is looked for.

A term holds letters, digits, their marks and `_` only. FTS5 leaves terms joined by spaces exactly as they are
with `tokenize = "ascii tokenchars '_'"`.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from memory.lexical.languages import UNKNOWN, guessed, language_of
from memory.lexical.stems import fold, is_stop_word, stem
from memory.lexical.words import SEARCHED, STORED, Style, chunks, normalise, segments, words

MAX_TERM_CHARS = 40
MAX_TERMS = 20_000
_CACHED_CHARS = 100
_WHEN_UNKNOWN = "en"  # each word of a query may stand as English


def terms(text: str) -> list[str]:
    """Return the terms of a document, in order, repeats kept; at most `MAX_TERMS`."""
    return list(islice(_document_terms(text), MAX_TERMS))


def query_terms(text: str) -> list[tuple[str, ...]]:
    """Return, for each distinct word of a query, the terms it may stand as in documents, in order.

    The language of a query is a guess, so a word also stands as English, as Romanian and unstemmed.
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
        stemmed_as = language or guessed(segment)
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
