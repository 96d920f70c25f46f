"""Keys that are numbers with a form or a name: phones, IBANs, ISBNs, plates, `#1234`, "apartment 14".

Normal forms, without the separators between digits:
- IBAN: capitals and digits. ISBN of 13 digits: `isbn` and the digits. `#` and digits: verbatim.
- Phone number: its last nine digits, so that +40 722 123 456 and 0722 123 456 are the same key.
- Number plate of the forms of Romania, Britain, Ireland, France, Italy and Spain: capitals and digits.
- Numbered thing: the first letters of its noun in lower case, without accents, and the number. Years and
  numbers that count the next word are no keys.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator

from memory.lexical.languages import is_stop_word

STEM = 6
"""Characters that the inflected forms of a noun share: apartament, apartamentul."""
_PHONE_DIGITS, _LONGEST_PHONE = 9, 15
_GAP = r"[ \u00a0./-]"
_NUMBER = re.compile(
    rf"""
    (?<![\w-])(?P<iban>[A-Z]{{2}}[0-9]{{2}}(?:[ ]?[A-Z0-9]{{4}}){{2,7}}(?:[ ]?[A-Z0-9]{{1,3}})?)(?![\w-])
    | (?<![\w-])(?P<isbn>97[89](?:[ -]?[0-9]){{10}})(?![\w-])
    | (?<![\w#&])(?P<hashed>\#[0-9]{{1,10}})(?![\w-])
    | (?<![\w.,/+-])(?!(?<=(?:19|20)[0-9]{{2}}[ \u00a0])0[0-9]{_GAP})
        (?P<phone>(?:\+|00|\(?0)[0-9](?:{_GAP}?\(?[0-9]\)?){{7,13}})(?![\w-]|[.,/][0-9])
    | (?<![\w.,/+-])(?P<american>\(?[0-9]{{3}}\)?[ .-][0-9]{{3}}[.-][0-9]{{4}})(?![\w-]|[.,/][0-9])
    | (?<![\w-])(?P<plate>[A-Z]{{1,2}}[ -]?[0-9]{{2,3}}[ -]?[A-Z]{{3}}|[A-Z]{{2}}[0-9]{{2}}[ ]?[A-Z]{{3}}
        |[0-9]{{2,3}}-[A-Z]{{1,2}}-[0-9]{{1,6}}|[A-Z]{{2}}[ -]?[0-9]{{3}}[ -]?[A-Z]{{2}}
        |[0-9]{{4}}[ -]?[BCDFGHJKLMNPRSTVWXYZ]{{3}})(?![\w-])
    """,
    re.VERBOSE,
)
_YEAR_AND_WORD = re.compile("(?:19|20)[0-9]{2}[ -][A-Z]{3}")
_DATE = re.compile(rf"[0-9]{{2}}{_GAP}[0-9]{{2}}{_GAP}(?:19|20)[0-9]{{2}}(?![0-9])")
_NUMBERED = re.compile(
    r"(?<![\w'’-])(?P<word>[^\W\d_]{3,30})[ \u00a0](?:(?:nr|no)\.? ?)?(?P<number>[0-9]{1,6}[A-Za-z]?)"
    r"(?![\w%€$£:-]|[.,/][0-9]|[ \u00a0]?[€$£%])(?:[ \u00a0](?P<next>[^\W\d_]{1,30}))?"
)
_THINGS = """
account apartment bay berth block booking box bug building bus cabin case claim client code contract
customer desk dock door file flat flight gate house invoice issue locker order parcel password permit pin
platform policy reservation room route seat stall suite ticket train tram unit ward terminal
apartament apartamentul autobuz autobuzul awb bilet biletul bloc blocul boxa cabinet cabinetul camera
camerei camin caminul clientul cod codul colet coletul comanda comenzii cont contul contractul cutia dosar
dosarul dulap dulapul factura facturii garsoniera interfon interfonul parola peron peronul poarta polita
politei rezervarea sala salon salonul scara studio studioul tichet tichetul tramvai tramvaiul tren trenul
troleibuz troleibuzul vagon vagonul vestiar vestiarul zbor zborul
appartement batiment billet chambre commande facture quai voie vol apartamento autobus billete codigo
contrato habitacion muelle pedido puerta vuelo auftrag bestellung buchung flug gleis haus raum rechnung
vertrag wohnung zimmer zug ajto busz kapu rendeles szamla szoba vonat
"""
_NUMBERED_THINGS = frozenset(_THINGS.split())
_AFTERWARDS = "please again still now today yet here there acum azi rog mersi iar inca and not"
_GOES_ON = frozenset(_AFTERWARDS.split())
"""Words that may follow a key's number, since it does not count them."""
_LANGUAGES = ("en", "ro", "")


def find_numbers(text: str) -> Iterator[tuple[int, str]]:
    """Yield the formed numbers of a text as keys, each with its offset, in order."""
    for found in _NUMBER.finditer(text):
        kind = found.lastgroup
        if kind is not None and (key := _WRITTEN[kind](found[kind])):
            yield found.start(), key


def find_numbered(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered things of a text as keys, each with its offset, in order."""
    for found in _NUMBERED.finditer(text):
        word, number = _folded(found["word"]), found["number"].lower()
        if word in _NUMBERED_THINGS and not _is_year(number) and _ends(found["next"]):
            yield found.start(), f"{word[:STEM]} {number}"


def _ends(after: str | None) -> bool:
    """Return whether the next word is not counted by the number."""
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


def _plate(found: str) -> str:
    """Normalise a plate; a year and an abbreviation ("in 2024 CRM") give ""."""
    return "" if _YEAR_AND_WORD.fullmatch(found) else _bare(found)


def _phone(found: str) -> str:
    if _DATE.match(found):
        return ""
    digits = "".join(filter(str.isdecimal, found))
    return digits[-_PHONE_DIGITS:] if _PHONE_DIGITS <= len(digits) <= _LONGEST_PHONE else ""


_WRITTEN: dict[str, Callable[[str], str]] = {
    "iban": _bare,
    "isbn": lambda found: f"isbn {_bare(found)}",
    "hashed": str,
    "phone": _phone,
    "american": _phone,
    "plate": _plate,
}
