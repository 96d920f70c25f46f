"""Redis URLs."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import ParseResult, parse_qs, unquote, urlparse

from redis.asyncio.connection import parse_url

from memory.errors import ConfigError

KEY = "GOAT_REDIS_URL"

_FORMS = (
    "redis://[user:password@]host:port/db",
    "rediss://... (TLS)",
    "unix://[user:password@]/path/to/socket?db=0",
    "redis+sentinel://[user:password@]host1:port,host2:port/service/db",
    "redis+cluster://[user:password@]host1:port,host2:port",
    "rediss+sentinel://... and rediss+cluster://... (TLS)",
)
Kind = Literal["single", "sentinel", "cluster"]
KINDS: dict[str, Kind] = {
    **{"redis": "single", "rediss": "single", "unix": "single"},
    **{"redis+sentinel": "sentinel", "rediss+sentinel": "sentinel"},
    **{"redis+cluster": "cluster", "rediss+cluster": "cluster"},
}
_PORTS = {"single": 6379, "sentinel": 26379, "cluster": 6379}
_OPTIONS = {
    "db", "client_name", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname",
}  # fmt: skip
_NOT_A_PORT = re.compile(r":(?!\d+(?:[,/]|$))[^,/]*")


@dataclass(frozen=True, slots=True)
class RedisAddress:
    kind: Kind
    nodes: tuple[tuple[str, int], ...]
    """Host and port of the server, or of each sentinel or start-up node; empty for a unix socket."""
    service: str | None = None
    """The primary's name at the sentinels."""
    tls: bool = False
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    """Keyword arguments of a redis-py connection: username, password, db, path, TLS files."""


def parse_redis_url(url: str) -> RedisAddress:
    """Parse a Redis URL.

    Raises:
        ConfigError: the URL has none of the allowed forms; the message masks the password.
    """
    try:
        return _parse(url.strip())
    except ValueError as error:
        reason = str(error) if isinstance(error, _BadUrl) else "it cannot be read"
        raise ConfigError(f"{KEY}={mask_url(url)}: {reason}. Allowed: {'; '.join(_FORMS)}") from None


def mask_url(url: str) -> str:
    """Return the URL without its secrets, and without text that may be a misplaced secret."""
    address, mark, _ = url.strip().partition("?")
    scheme, separator, rest = address.partition("://")
    if not separator:
        return f"{address.partition(':')[0]}:***" if ":" in address else address
    credentials, at, hosts = rest.rpartition("@")
    user = credentials.partition(":")[0] if ":" in credentials else ""
    shown = _NOT_A_PORT.sub(":***", hosts)
    return f"{scheme}://{f'{user}:***@' if at else ''}{shown}{mark}{'...' if mark else ''}"


class _BadUrl(ValueError):
    """A problem with a URL; the text has no secrets."""


def _parse(url: str) -> RedisAddress:
    parts = urlparse(url)
    kind = KINDS.get(parts.scheme)
    if kind is None:
        raise _BadUrl("the scheme is unknown")
    _check_options(parts)
    if parts.scheme == "unix":
        return _unix(url, parts)
    nodes = _nodes(parts.netloc.rpartition("@")[2], _PORTS[kind])
    if kind == "single" and len(nodes) > 1:
        raise _BadUrl("several hosts need redis+sentinel:// or redis+cluster://")
    service, database = _path(parts, kind)
    options = _credentials(parts) | ({"db": database} if database else {})
    return RedisAddress(kind, nodes, service, parts.scheme.startswith("rediss"), options)


def _check_options(parts: ParseResult) -> None:
    given = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    if unknown := given.keys() - _OPTIONS:
        raise _BadUrl(f"unknown option {', '.join(sorted(unknown))} (known: {', '.join(sorted(_OPTIONS))})")
    if not parts.scheme.startswith("rediss") and any(name.startswith("ssl_") for name in given):
        raise _BadUrl("ssl options need rediss://")
    if "db" in given and parts.scheme.endswith("cluster"):
        raise _BadUrl("a cluster has only the database 0")
    if parts.fragment:
        raise _BadUrl("write a # in the password as %23")


def _unix(url: str, parts: ParseResult) -> RedisAddress:
    if not parts.path.startswith("/") or parts.path == "/":
        raise _BadUrl("the path of the socket is missing")
    options = dict(parse_url(url))
    del options["connection_class"]
    return RedisAddress("single", (), options=options)


def _nodes(netloc: str, default_port: int) -> tuple[tuple[str, int], ...]:
    nodes = tuple(_node(word, default_port) for word in netloc.split(","))
    if not all(host for host, _ in nodes):
        raise _BadUrl("a host is missing")
    return nodes


def _node(word: str, default_port: int) -> tuple[str, int]:
    parts = urlparse(f"//{word}")
    try:
        port = parts.port
    except ValueError:
        raise _BadUrl("a port is not a number from 1 to 65535") from None
    return parts.hostname or "", default_port if port is None else port


def _path(parts: ParseResult, kind: str) -> tuple[str | None, int]:
    """Split the path into the service's name and the database number."""
    words = [unquote(word) for word in parts.path.split("/") if word]
    service = None
    if kind == "sentinel":
        if not words:
            raise _BadUrl("the name of the service is missing")
        service = words.pop(0)
    database = words.pop(0) if words else "0"
    if words or not database.isdecimal():
        raise _BadUrl("the database is not a number")
    if kind == "cluster" and int(database):
        raise _BadUrl("a cluster has only the database 0")
    return service, int(database)


def _credentials(parts: ParseResult) -> dict[str, Any]:
    credentials, at, _ = parts.netloc.rpartition("@")
    options = dict(parse_url(f"redis://{credentials}{at}host?{parts.query}"))
    del options["host"]
    return options
