"""Structural keys: identifiers, addresses and paths in a text that are looked up exactly.

Kinds of keys and their normal forms:
- UUID: lower-case, bare; `agent-<uuid>` is also a key as a whole.
- `turn_...` with a digit in it: verbatim.
- Ticket: two to ten capitals and digits, `-`, a number (`GOAT-42`, `COVID-19`, `CVE-2024-3094`). Names of
  standards, models and months (`UTF-8`, `GPT-4`, `MAY-2024`) and single letters (`T-1000`) are no tickets.
- Hash: 7 to 64 hexadecimal digits, with a letter and a figure among them; lower-case.
- URL: scheme and host lower-case, with fragment; without credentials, final slash and punctuation.
- E-mail address: lower-case. IPv4 address: without its port.
- Path: `/` and two names, or one with an extension; anything after `./`, `../`, `~/`; or names with slashes,
  if the last has an extension. Without line number, final slash, leading `./`. Windows paths: lower-case,
  with backslashes.
Of these numbers the separators between digits are left out:
- IBAN: capitals and digits. ISBN of 13 digits: `isbn` and the digits. `#` and digits: verbatim.
- Phone number: its last nine digits, so that +40 722 123 456 and 0722 123 456 are the same key.
- Number plate of the forms of Romania, Britain, Ireland, France, Italy and Spain: capitals and digits.
- Numbered thing: the first letters of its noun in lower case, without accents, and the number. Years and
  numbers that count the next word are no keys.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from heapq import merge

from memory.lexical.languages import is_stop_word

MAX_KEYS = 200
MAX_KEY_CHARS = 200

_STANDARDS_AND_MONTHS = """
AES API BASE BS CRC DDR DES DIN EN GPT HTTP IEEE IPV ISO JAVA MD MP PEP PM PY RS RSA SHA TLS UCS USB UTC UTF
WIN GMT JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC
"""
_NOT_TICKETS = frozenset(_STANDARDS_AND_MONTHS.split())
_UUID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_IDENTIFIER = re.compile(
    rf"""
    (?<![^\W_])(?P<agent>[aA][gG][eE][nN][tT]-{_UUID})(?!\w)
    | (?<![^\W_])(?P<uuid>{_UUID})(?!\w)
    | (?<!\w)(?P<turn>turn_[0-9A-Za-z_-]++)(?!\w)
    | (?<![\w-])(?P<ticket>[A-Z][A-Z0-9]{{1,9}}-[0-9]{{1,7}}(?:(?<=-[0-9]{{4}})-[0-9]{{4,7}})?)(?!\w|-[0-9])
    | (?<![\w-])(?P<hash>(?=[0-9]*[a-fA-F])(?=[a-fA-F]*[0-9])[0-9a-fA-F]{{7,64}})(?![\w-])
    """,
    re.VERBOSE,
)
_NAME = r"[\w.+@%~-]++"
_ADDRESS = re.compile(
    rf"""
    (?<![\w+.-])(?P<url>[A-Za-z][A-Za-z0-9+.-]{{1,15}}://[^\s<>"'`\x00-\x20\ud800-\udfff]++)
    | (?<![\w.+%@-])(?P<email>\w[\w.+%-]{{0,63}}@(?:[^\W_][\w-]{{0,62}}\.){{1,8}}[^\W\d_]{{2,24}})(?![\w@])
    | (?<!\w)(?P<windows>(?:[A-Za-z]:[\\/]|\\\\){_NAME}(?:[\\/]{_NAME})*)
    | (?<![\w.+@%~/\\-])(?P<path>(?=(?P<root>(?:\.{{0,2}}/|~/)?))(?P=root){_NAME}(?:/{_NAME})*)
    """,
    re.VERBOSE,
)
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_EXTENSION = re.compile(r"[^/]\.[A-Za-z][A-Za-z0-9]{0,7}$")
_AROUND_A_SENTENCE = ".,:;!?…*|"
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"))
_BYTE = 255
_NAMES = 2
_DIGIT = re.compile("[0-9]")
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


def find_keys(text: str) -> list[str]:
    """Return the distinct structural keys of a text, normalised, in order; at most `MAX_KEYS`.

    A key of more than `MAX_KEY_CHARS` characters is replaced by its hash.
    """
    plain = text.replace("\u2010", "-").replace("\u2011", "-")
    kinds = [_occurrences(_ADDRESS, plain), _occurrences(_IDENTIFIER, plain)]
    if _DIGIT.search(plain):
        kinds += [_occurrences(_NUMBER, plain), _numbered_things(plain)]
    found: dict[str, None] = {}
    for _, key in merge(*kinds, key=lambda pair: pair[0]):
        found[_bounded(key)] = None
        if len(found) == MAX_KEYS:
            break
    return list(found)


def _occurrences(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    for match in pattern.finditer(text):
        kind = match.lastgroup
        if kind is not None:
            yield from ((match.start(), key) for key in _NORMALISED[kind](match[kind]))


def _numbered_things(text: str) -> Iterator[tuple[int, str]]:
    for found in _NUMBERED.finditer(text):
        word, number = _folded(found["word"]), found["number"].lower()
        is_year = number.isdecimal() and len(number) == 4 and number[:2] in {"19", "20"}  # noqa: PLR2004
        if word in _NUMBERED_THINGS and not is_year and not _is_counted(found["next"]):
            yield found.start(), f"{word[:STEM]} {number}"


def _is_counted(after: str | None) -> bool:
    """Return whether the number counts the next word."""
    if after is None:
        return False
    word = _folded(after)
    return word not in _GOES_ON and not any(is_stop_word(language, word) for language in ("en", "ro"))


def _folded(word: str) -> str:
    marked = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in marked if not unicodedata.combining(char))


def _bounded(key: str) -> str:
    if len(key) <= MAX_KEY_CHARS:
        return key
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()[:32]


def _lowered(found: str) -> list[str]:
    return [found.lower()]


def _agent(found: str) -> list[str]:
    whole = found.lower()
    return [whole, whole.removeprefix("agent-")]


def _turn(found: str) -> list[str]:
    return [found.rstrip("-_")] if any(c.isdigit() for c in found) else []


def _ticket(found: str) -> list[str]:
    return [] if found.partition("-")[0] in _NOT_TICKETS else [found]


def _url(found: str) -> list[str]:
    scheme, _, rest = _without_sentence(found).partition("://")
    end = re.search("[/?#]", rest)
    host, path = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    bare = host.rpartition("@")[2].lower()
    return [f"{scheme.lower()}://{bare}{path}".rstrip("/")] if bare or path.strip("/") else []


def _without_sentence(found: str) -> str:
    """Strip the punctuation after a URL, and closing brackets without an opening one."""
    surplus = {closing: found.count(closing) - found.count(opening) for opening, closing in _BRACKETS}
    end = len(found)
    while end:
        last = found[end - 1]
        if surplus.get(last, 0) > 0:
            surplus[last] -= 1
        elif last not in _AROUND_A_SENTENCE:
            break
        end -= 1
    return found[:end]


def _windows(found: str) -> list[str]:
    return [found.replace("/", "\\").rstrip(".").lower()]


def _path(found: str) -> list[str]:
    path = found.rstrip(".")
    if _IPV4.fullmatch(path):
        return [path] if all(int(part) <= _BYTE for part in path.split(".")) else []
    plain = path.removeprefix("./")
    return [candidate for candidate in (plain, path) if _is_path(candidate)][:1]


def _is_path(path: str) -> bool:
    if "/" not in path or not any(c.isalpha() for c in path):
        return False
    if path.startswith(("./", "../", "~/")) or _EXTENSION.search(path):
        return True
    return path.startswith("/") and path.count("/") >= _NAMES


def _bare(found: str) -> list[str]:
    return ["".join(filter(str.isalnum, found))]


def _plate(found: str) -> list[str]:
    """Normalise a plate; a year and an abbreviation ("in 2024 CRM") are none."""
    return [] if _YEAR_AND_WORD.fullmatch(found) else _bare(found)


def _phone(found: str) -> list[str]:
    digits = "" if _DATE.match(found) else "".join(filter(str.isdecimal, found))
    return [digits[-_PHONE_DIGITS:]] if _PHONE_DIGITS <= len(digits) <= _LONGEST_PHONE else []


_NORMALISED: dict[str, Callable[[str], list[str]]] = {
    "agent": _agent,
    "uuid": _lowered,
    "turn": _turn,
    "ticket": _ticket,
    "hash": _lowered,
    "url": _url,
    "email": _lowered,
    "windows": _windows,
    "path": _path,
    "iban": _bare,
    "isbn": lambda found: [f"isbn {key}" for key in _bare(found)],
    "hashed": lambda found: [found],
    "phone": _phone,
    "american": _phone,
    "plate": _plate,
}
