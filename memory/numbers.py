"""Keys that are numbers with a form or a name: phones, IBANs, ISBNs, plates, `#1234`, "apartment 14".

How they are written, whatever stands between their digits:

- IBAN: capitals and digits. ISBN of 13 digits: `isbn` and these. `#` and digits: as it stands.
- Phone number: its last nine digits, so that +40 722 123 456 and 0722 123 456 are one.
- Number plate of the forms of Romania, Britain, Ireland, France, Italy and Spain: capitals and digits.
- Numbered thing: the beginning of a word in lower case, without marks, and the number after it. A number that
  counts what follows ("bought 3 apples"), a year, and numbers of time and money are none.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator

from memory.lexical.stopwords import is_stop_word

STEM = 6
"""Characters of a word that its forms share: apartament, apartamentul."""
_PHONE_DIGITS, _LONGEST_PHONE = 9, 15
_GAP = r"[ \u00a0./-]"
_NUMBER = re.compile(
    rf"""
    (?<![\w-])(?P<iban>[A-Z]{{2}}[0-9]{{2}}(?:[ ]?[A-Z0-9]{{4}}){{2,7}}(?:[ ]?[A-Z0-9]{{1,3}})?)(?![\w-])
    | (?<![\w-])(?P<isbn>97[89](?:[ -]?[0-9]){{10}})(?![\w-])
    | (?<![\w#&])(?P<hashed>\#[0-9]{{1,10}})(?![\w-])
    | (?<![\w.,/+-])(?P<phone>(?:\+|00|\(?0)[0-9](?:{_GAP}?\(?[0-9]\)?){{7,13}})(?![\w-]|[.,/][0-9])
    | (?<![\w.,/+-])(?P<american>\(?[0-9]{{3}}\)?[ .-][0-9]{{3}}[.-][0-9]{{4}})(?![\w-]|[.,/][0-9])
    | (?<![\w-])(?P<plate>[A-Z]{{1,2}}[ -]?[0-9]{{2,3}}[ -]?[A-Z]{{3}}|[A-Z]{{2}}[0-9]{{2}}[ ]?[A-Z]{{3}}
        |[0-9]{{2,3}}-[A-Z]{{1,2}}-[0-9]{{1,6}}|[A-Z]{{2}}[ -]?[0-9]{{3}}[ -]?[A-Z]{{2}}
        |[0-9]{{4}}[ -]?[BCDFGHJKLMNPRSTVWXYZ]{{3}})(?![\w-])
    """,
    re.VERBOSE,
)
_NUMBERED = re.compile(
    r"(?<![\w'’-])(?P<word>[^\W\d_]{3,30})[ \u00a0](?:(?:nr|no)\.? ?)?(?P<number>[0-9]{1,6}[A-Za-z]?)"
    r"(?![\w%€$£:-]|[.,/][0-9]|[ \u00a0]?[€$£%])(?:[ \u00a0](?P<next>[^\W\d_]{1,30}))?"
)
_TIMES = """
january february march april may june july august september october november december jan feb mar apr jun jul
aug sep sept oct nov dec ianuarie februarie martie aprilie mai iunie iulie septembrie octombrie noiembrie
decembrie janvier fevrier mars avril juin juillet aout septembre octobre novembre decembre enero febrero
marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre januar februar marz juni juli
oktober dezember marcius aprilis majus junius julius augusztus szeptember monday tuesday wednesday thursday
friday saturday sunday luni marti miercuri joi vineri sambata duminica ora ore orele clock hour heure hora uhr
"""
_AMOUNTS = """
age aged varsta about around almost nearly over under least most only just circa aproximativ aproape peste sub
maxim minim vreo cam environ presque casi unos etwa fast rund plus minus times than decat que als bought paid
cost costs have get got need want give gave eat ate take took spent spend pay make made sold see saw win won
lost count another first last next other each per was turned face fac make costa cost pret price
"""
_NO_THINGS = frozenset(f"{_TIMES} {_AMOUNTS}".split())
_AFTERWARDS = "please again still now today yet here there acum azi rog mersi iar inca and not"
_GOES_ON = frozenset(_AFTERWARDS.split())
"""Words after a number that it does not count."""
_LANGUAGES = ("en", "ro", "")


def find_numbers(text: str) -> Iterator[tuple[int, str]]:
    """Yield the keys of a text that are numbers, each with its place, in order."""
    for found in _NUMBER.finditer(text):
        kind = found.lastgroup
        if kind is not None and (key := _WRITTEN[kind](found[kind])):
            yield found.start(), key


def find_numbered(text: str) -> Iterator[tuple[int, str]]:
    """Yield words with a number after them that names what they are of, each with its place, in order."""
    for found in _NUMBERED.finditer(text):
        word, number = _folded(found["word"]), found["number"].lower()
        if _names(word) and not _is_year(number) and _ends(found["next"]):
            yield found.start(), f"{word[:STEM]} {number}"


def _names(word: str) -> bool:
    return word not in _NO_THINGS and not _is_stop_word(word)


def _ends(after: str | None) -> bool:
    """Tell whether what follows is not what a number counts."""
    return after is None or (word := _folded(after)) in _GOES_ON or _is_stop_word(word)


def _is_stop_word(word: str) -> bool:
    return any(is_stop_word(language, word) for language in _LANGUAGES)


def _is_year(number: str) -> bool:
    return number.isdecimal() and len(number) == 4 and number[:2] in {"19", "20"}  # noqa: PLR2004


def _folded(word: str) -> str:
    marked = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in marked if not unicodedata.combining(char))


def _bare(found: str) -> str:
    return "".join(filter(str.isalnum, found))


def _phone(found: str) -> str:
    digits = "".join(filter(str.isdecimal, found))
    return digits[-_PHONE_DIGITS:] if _PHONE_DIGITS <= len(digits) <= _LONGEST_PHONE else ""


_WRITTEN: dict[str, Callable[[str], str]] = {
    "iban": _bare,
    "isbn": lambda found: f"isbn {_bare(found)}",
    "hashed": str,
    "phone": _phone,
    "american": _phone,
    "plate": _bare,
}
