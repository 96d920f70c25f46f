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
- Numbers with a form or a name: see `memory.lexical.number_keys`.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from heapq import merge

from memory.lexical.number_keys import find_numbered, find_numbers

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
_DIGIT = re.compile("[0-9]")
_BYTE = 255
_NAMES = 2


def find_keys(text: str) -> list[str]:
    """Return the distinct structural keys of a text, normalised, in order; at most `MAX_KEYS`.

    A key of more than `MAX_KEY_CHARS` characters is replaced by its hash.
    """
    plain = text.replace("\u2010", "-").replace("\u2011", "-")
    kinds = [_occurrences(_ADDRESS, plain), _occurrences(_IDENTIFIER, plain)]
    if _DIGIT.search(plain):
        kinds += [find_numbers(plain), find_numbered(plain)]
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
}
