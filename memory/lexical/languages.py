"""Languages: the one that a text is in, its stop words, and the stems of its words by Snowball."""

import re
import threading
import unicodedata
from functools import cache, lru_cache
from typing import Protocol, cast

from Stemmer import Stemmer

UNKNOWN = ""
ALGORITHMS = {
    "ar": "arabic",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hi": "hindi",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
"""Snowball's name of each language with a stemmer, by ISO 639-1 code."""
_UNSTEMMED = ("bg", "fa", "he", "hr", "ja", "ko", "sk", "sr", "th", "uk", "vi", "zh")

_FREQUENT_ENGLISH = """
the and you that with this have what my your they were from would it's i'm don't for it to not but can how
when who did does has his she their there about which just like been could should i'd i've that's it’s i’m
don’t we're i'll where why are is was our i
"""
_FREQUENT_ROMANIAN = """
nu este sunt din pentru mai cu ce pe cum cand când unde daca dacă dar sau fost foarte asta acest aceasta
această acum toate meu mea mele imi îmi iti îți isi își despre fara fără intr într dintr prin pana până dupa
după cat cât cine doar vreau pot poti poți eu noi avem aveti aveți stiu știu salut multumesc mulțumesc mult
azi ieri maine mâine anul unui unei lui cel cei cele acolo aici atunci vom sa să si și în că ca la am ai
mi-a s-a l-am m-am mi-am i-am ți-am într-o într-un intr-o intr-un ma mă era aveam ne
"""
_ENGLISH_WORDS = frozenset(_FREQUENT_ENGLISH.split())
_ROMANIAN_WORDS = frozenset(_FREQUENT_ROMANIAN.split())
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

_DIACRITICS = re.compile("[\u0300-\u036f]+")
_UNDECOMPOSED = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe"})

_ENDINGS = {
    "eaza": "ează",
    "easca": "ească",
    "este": "ește",
    "esti": "ești",
    "andu": "ându",
    "and": "ând",
    "eti": "eți",
    "era": "eră",
    "tie": "ție",
    "tia": "ția",
    "am": "ăm",
}
_ENDING = re.compile(f"(?<=..)(?:{'|'.join(_ENDINGS)})$")
_LEFT_BY_SNOWBALL = re.compile("(?<=...)(?:(?:ur|and|ind|ez)?[aeiu]*)$")
_one_at_a_time = threading.Lock()

_ENGLISH_STOP_WORDS = """
a an and are as at be been but by did do does dont didnt doesnt for from had has have he her hers him his i
if im in into is isnt it its ive me my of on or our ours she so such than that the their theirs them then
there these they this those to us was we were will with would you your yours
"""
_ENGLISH_QUESTIONS = "what which who whom whose when where why how"
_ROMANIAN_QUESTIONS = "ce cine cui cum cand unde care carui carei caror cat cata cati cate oare"
"""Answers do not repeat the question word."""
_ROMANIAN_STOP_WORDS = """
a ai al ale am ar are as asta au ca care ce cea cei cel cele cu da dar de din e ea ei el ele este eu fi fie
i ii il imi in intr isi iti l la le lui m ma mai mea mei mele meu mi n ne ni nici o ori pe pentru prin s sa
sau se si sunt t ta tai tale tau te ti ul ului un una unei unui va vi voi vom vor
"""
_MEANS_SOMETHING_IN_THE_OTHER = "an care cum or so as mine am ore din ca cat"
_BY_LANGUAGE = {
    "en": frozenset(f"{_ENGLISH_STOP_WORDS} {_ENGLISH_QUESTIONS}".split()),
    "ro": frozenset(f"{_ROMANIAN_STOP_WORDS} {_ROMANIAN_QUESTIONS}".split()),
}
_EITHER = frozenset().union(*_BY_LANGUAGE.values()) - frozenset(_MEANS_SOMETHING_IN_THE_OTHER.split())


class Identifier(Protocol):
    """Interface of py3langid that is used here."""

    def set_languages(self, langs: list[str]) -> None: ...
    def classify(self, instance: str) -> tuple[str, float]: ...


def language_of(segment: str, words: list[str], *, before: str) -> str:
    """Return the ISO 639-1 code of a normalised segment.

    Segments too short to identify take `before`, the language of the segment before, or `UNKNOWN`.
    """
    distinct = set(words)
    english = len(_ENGLISH_WORDS & distinct)
    romanian = len(_ROMANIAN_WORDS & distinct) + _TOLD_BY_LETTERS * bool(_ROMANIAN_LETTERS.search(segment))
    if english != romanian and max(english, romanian) >= _VOTES:
        return "en" if english > romanian else "ro"
    if len(words) >= _ENOUGH_WORDS and len(segment) >= _ENOUGH_CHARS:
        guess = _identified(segment)
        if guess in _EXPECTED or len(words) >= _SURE_WORDS or _BEYOND_ENGLISH.search(segment):
            return guess
    by_script = (language for language, letters in _LETTERS.items() if letters.search(segment))
    return next(by_script, UNKNOWN) or before or _leaning(distinct)


def identify_letters(segment: str) -> str:
    """Identify a segment of any length by its letters outside a to z; `UNKNOWN` without any."""
    return _identified(segment) if _BEYOND_ENGLISH.search(segment) else UNKNOWN


def _identified(segment: str) -> str:
    return identifier().classify(segment[:_READ_CHARS])[0]


def _leaning(words: set[str]) -> str:
    """Decide by single small words that are not words of both languages."""
    telling = words - _IN_BOTH
    english, romanian = len(_ENGLISH_WORDS & telling), len(_ROMANIAN_WORDS & telling)
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


def fold(word: str) -> str:
    """Remove the diacritics of Latin, Greek and Cyrillic letters; other scripts need theirs."""
    if word.isascii():
        return word
    bare = _DIACRITICS.sub("", unicodedata.normalize("NFD", word))
    return unicodedata.normalize("NFC", bare.translate(_UNDECOMPOSED))


@lru_cache(maxsize=2**14)
def stem(language: str, word: str) -> str:
    """Return the folded stem of a case-folded word; only folded when the language has no stemmer."""
    if language == "ro":
        return _romanian(fold(word))
    if language == "en":
        return _snowball("en", fold(word))
    if language in ALGORITHMS:
        return fold(_snowball(language, word)) or fold(word)
    return fold(word)


def _romanian(folded: str) -> str:
    """Stem without diacritics, since half of Romanian text has none; first restore those of endings.

    Of a dictionary's 31,000 frequent forms, 80 % get their lemma's stem; Snowball alone reaches 70 % with
    diacritics and 64 % without.
    """
    restored = _ENDING.sub(lambda ending: _ENDINGS[ending[0]], folded)
    return _LEFT_BY_SNOWBALL.sub("", fold(_snowball("ro", restored)))


def _snowball(language: str, word: str) -> str:
    with _one_at_a_time:
        stemmed: str = _stemmer(language).stemWord(word)
    return stemmed


@cache
def _stemmer(language: str) -> Stemmer:
    return Stemmer(ALGORITHMS[language], 0)


def is_stop_word(language: str, folded: str) -> bool:
    """Return whether a folded word is a stop word of `language`, or of either for another language."""
    return folded in _BY_LANGUAGE.get(language, _EITHER)
