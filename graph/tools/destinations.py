"""Addresses in a tool call's arguments, compared with those that the model was given.

Addresses are compared as the requests that httpx makes of them. They differ when path, query, fragment, port,
user name or text after a blank differ, since each of these can carry personal data.
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
"""Punctuation around an address that is not part of it."""
_GOES_ON = ("=", "?", "&", "/", "#", "%", "+", "@", "-")
"""A word that ends with one of these continues after the blank."""
_ESCAPED = re.compile(r"[\s\"'`\\<>\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_END = re.compile(r"[\s\"`\\<>]")
_MAY_END = re.compile(r"[)\]}'’”»*_~.,;:!?|]")
_QUOTES = str.maketrans({"'": "%27", '"': "%22"})
_MOST_PLACES, _MOST_ENDS, _MOST_DEEP, _MOST_UNQUOTED = 200, 40, 8, 3


@dataclass(frozen=True, slots=True)
class GivenText:
    """A text that the model was given."""

    text: str
    arguments: Mapping[str, Any] | None = None
    """The arguments of the call that returned it: an echo of these is no source."""


def needs_escaping(address: str) -> bool:
    """Return True when an address has blanks, quotes, backslashes or invisible characters."""
    return bool(_ESCAPED.search(address))


def leads_elsewhere(arguments: Mapping[str, Any], given: Iterable[GivenText]) -> bool:
    """Return True when a call's arguments, at any depth, name an address that no given text has."""
    addresses = set(_addresses(arguments))
    sources = (
        [(one.text, set(map(_request, _addresses(one.arguments)))) for one in given] if addresses else []
    )
    return not all(_is_given(address, sources) for address in addresses)


def _addresses(arguments: Any) -> Iterator[str]:
    for text in _texts(arguments, 0):
        for form in _forms(text):
            yield from _addresses_in(form)


def _addresses_in(text: str) -> Iterator[str]:
    """Yield the addresses in a text: the whole text if it starts like one, else those among its words."""
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
    """Yield every text in the arguments, also keys and JSON in texts; values nested too deep as one text."""
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
    """Parse a text that is a JSON object or list; None for any other."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _forms(text: str) -> Iterator[str]:
    """Yield a text and, until it names an address, its percent-decoded forms."""
    for _ in range(_MOST_UNQUOTED):
        yield text
        decoded = unquote(text)
        if decoded == text or any(_addresses_in(text)):
            return
        text = decoded


def _is_given(address: str, sources: Iterable[tuple[str, set[str]]]) -> bool:
    """Return True when a source has an address that makes the same request."""
    wanted = _request(address)
    if not wanted:
        return False
    hosts = "|".join(map(re.escape, _hosts(wanted, address)))
    place = re.compile(rf"(?<![\w.@-])(?:{hosts})(?![\w-])", re.IGNORECASE)
    candidates = {
        candidate
        for text, own in sources
        if wanted not in own
        for match in itertools.islice(place.finditer(text), _MOST_PLACES)
        for candidate in _candidates(text, match.start())
    }
    return any(wanted == _request(candidate) for candidate in candidates)


def _hosts(wanted: str, address: str) -> set[str]:
    """Return the host as it may be written: in its own script and as ASCII (IDNA)."""
    url = httpx.URL(f"https://{wanted}")
    wire = url.raw_host.decode("ascii")
    written = re.split(r"[/?#:]", address.partition("://")[2] or address, maxsplit=1)[0]
    return {f"[{wire}]"} if ":" in wire else {wire, url.host, written} - {""}


def _candidates(text: str, start: int) -> Iterator[str]:
    """Yield the possible addresses whose host starts there; punctuation may end one or be part of it."""
    end = _END.search(text, start)
    whole = text[start : end.start() if end else None].translate(_QUOTES)
    yield whole
    for match in itertools.islice(_MAY_END.finditer(whole), _MOST_ENDS):
        yield whole[: match.start()]
        yield whole[: match.end()]


def _request(address: str) -> str:
    """Return the URL that httpx requests for a web address, without its scheme; empty for other texts."""
    scheme, mark, rest = address.partition("://")
    bare = rest if mark else address.removeprefix("//")
    if (mark and scheme.lower() not in ("http", "https")) or needs_escaping(bare):
        return ""
    try:
        url = httpx.URL(f"{scheme.lower() if mark else 'https'}://{bare}")
        return str(url).partition("://")[2].removesuffix("/") if url.host else ""
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return ""
