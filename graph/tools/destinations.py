"""Where a call would reach out to, compared with the addresses that the model was given.

What counts is the very request that a tool makes of an argument, as httpx reads it. Another path, query,
fragment, port or user name is another address, since what is known of the person can be spelt with any of
them; so is one that goes on behind a blank.
"""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpx

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/|(?:https?|wss?|ftp|file|mailto|data|javascript|tel|sms):", re.I)
_INNER = re.compile(r"(?:https?|wss?|ftp)://", re.IGNORECASE)
_HOST = re.compile(
    r"(?://)?(?:[^\s/@]{1,200}@)?"
    r"(?:(?:[\w-]{1,63}[.。．｡])+[^\W\d_][\w-]+|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\]|localhost)(?![\w-])",
    re.IGNORECASE,
)
_AROUND = "([{<'\"’”»*_~.,;:!?>}])`“„«"
"""Signs of a text that stand around an address, and are no part of it."""
_GOES_ON = ("=", "?", "&", "/", "#", "%", "+", "@", "-")
"""What ends an address only where it goes on behind the blank."""
_TO_SPELL = re.compile(r"[\s\"'`\\<>\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_END = re.compile(r"[\s\"`\\<>]")
_MAY_END = re.compile(r"[)\]}'’”»*_~.,;:!?|]")
_SPELT = str.maketrans({"'": "%27", '"': "%22"})
_MOST_PLACES, _MOST_ENDS, _MOST_DEEP, _MOST_UNQUOTED = 200, 40, 8, 3


@dataclass(frozen=True, slots=True)
class Given:
    """A text that the model was given."""

    text: str
    arguments: Mapping[str, Any] | None = None
    """What a tool was called with to give it: an echo of these is no source."""


def has_signs_to_spell(address: str) -> bool:
    """Say whether an address holds blanks, quotes, backslashes or signs that cannot be seen."""
    return bool(_TO_SPELL.search(address))


def leads_elsewhere(arguments: Mapping[str, Any], given: Iterable[Given]) -> bool:
    """Say whether a call names an address, at any depth of its arguments, that stands in nothing given."""
    addresses = set(_addresses(arguments))
    sources = (
        [(one.text, set(map(_request, _addresses(one.arguments)))) for one in given] if addresses else []
    )
    return not all(_stands(address, sources) for address in addresses)


def _addresses(arguments: Any) -> Iterator[str]:
    for text in _texts(arguments, 0):
        for form in _forms(text):
            yield from _named(form)


def _named(text: str) -> Iterator[str]:
    """Yield the addresses in a text: all of it when it begins as one, else those among its words."""
    whole = text.strip()
    if _SCHEME.match(whole) or _HOST.match(whole):
        yield whole
        return
    words = whole.split()
    for word, more in itertools.zip_longest(words, words[1:]):
        inner = _INNER.search(word)
        address = word[inner.start() :].rstrip(_AROUND) if inner else word.strip(_AROUND)
        if inner or _HOST.match(address):
            yield f"{word} {more}" if more is not None and word.endswith(_GOES_ON) else address


def _texts(value: Any, depth: int) -> Iterator[str]:
    """Yield every text of the arguments, names and JSON in a text included; what is too deep as one text."""
    if depth > _MOST_DEEP:
        yield str(value)
    elif isinstance(value, str):
        inner = _as_json(value)
        yield from (value,) if inner is None else _texts(inner, depth + 1)
    elif isinstance(value, Mapping | list | tuple | set | frozenset):
        pairs = [*value.keys(), *value.values()] if isinstance(value, Mapping) else value
        for one in pairs:
            yield from _texts(one, depth + 1)


def _as_json(text: str) -> Any:
    """Read a text that is a JSON object or list; None for any other."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _forms(text: str) -> Iterator[str]:
    """Yield a text, and while it names no address, what its percent signs stand for."""
    for _ in range(_MOST_UNQUOTED):
        yield text
        read = unquote(text)
        if read == text or any(_named(text)):
            return
        text = read


def _stands(address: str, sources: Iterable[tuple[str, set[str]]]) -> bool:
    """Say whether an address stands in a source as it would be requested."""
    wanted = _request(address)
    if not wanted:
        return False
    hosts = "|".join(map(re.escape, _hosts(wanted, address)))
    place = re.compile(rf"(?<![\w.@-])(?:{hosts})(?![\w-])", re.IGNORECASE)
    return any(
        wanted == _request(candidate)
        for text, own in sources
        if wanted not in own
        for match in itertools.islice(place.finditer(text), _MOST_PLACES)
        for candidate in _candidates(text, match.start())
    )


def _hosts(wanted: str, address: str) -> set[str]:
    """Return the host as it may be written: in its own script, and as it goes over the wire."""
    url = httpx.URL(f"https://{wanted}")
    wire = url.raw_host.decode("ascii")
    written = re.split(r"[/?#:]", address.partition("://")[2] or address, maxsplit=1)[0]
    return {f"[{wire}]"} if ":" in wire else {wire, url.host, written} - {""}


def _candidates(text: str, start: int) -> Iterator[str]:
    """Yield what an address that begins there with its host may be; a sign may end it or be part of it."""
    end = _END.search(text, start)
    whole = text[start : end.start() if end else None].translate(_SPELT)
    yield whole
    for match in itertools.islice(_MAY_END.finditer(whole), _MOST_ENDS):
        yield whole[: match.start()]
        yield whole[: match.end()]


def _request(address: str) -> str:
    """Return what is requested of an address of the web, but for its scheme; empty when it is none."""
    scheme, mark, rest = address.partition("://")
    bare = rest if mark else address.removeprefix("//")
    if (mark and scheme.lower() not in ("http", "https")) or has_signs_to_spell(bare):
        return ""
    try:
        url = httpx.URL(f"{scheme.lower() if mark else 'https'}://{bare}")
        return str(url).partition("://")[2].removesuffix("/") if url.host else ""
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return ""
