from typing import Any, Literal

import pytest

from memory.errors import ConfigError
from memory.working.redis_connection import RedisConnection
from memory.working.redis_urls import RedisAddress, mask_url, parse_redis_url
from tests.tables import each


def address(
    kind: Literal["single", "sentinel", "cluster"],
    nodes: list[tuple[str, int]],
    service: str | None = None,
    *,
    tls: bool = False,
    **options: Any,
) -> RedisAddress:
    return RedisAddress(kind, tuple(nodes), service, tls, options)


@each(
    ("url", "expected"),
    [
        ("redis://localhost", address("single", [("localhost", 6379)])),
        ("redis://[::1]:7000/2", address("single", [("::1", 7000)], db=2)),
        (
            "rediss://me:p%40ss@redis.example:6380/1",
            address("single", [("redis.example", 6380)], tls=True, username="me", password="p@ss", db=1),
        ),
        ("redis://:secret@host", address("single", [("host", 6379)], password="secret")),
        ("unix:///run/redis.sock?db=3", address("single", [], path="/run/redis.sock", db=3)),
        (
            "unix://me:pw@/run/redis.sock",
            address("single", [], path="/run/redis.sock", username="me", password="pw"),
        ),
        (
            "redis+sentinel://:pw@a:1,b:2,c/goat/4",
            address("sentinel", [("a", 1), ("b", 2), ("c", 26379)], "goat", password="pw", db=4),
        ),
        ("rediss+sentinel://a/goat", address("sentinel", [("a", 26379)], "goat", tls=True)),
        (
            "redis+cluster://u:pw@a:1,b",
            address("cluster", [("a", 1), ("b", 6379)], username="u", password="pw"),
        ),
        ("rediss+cluster://a:1/0", address("cluster", [("a", 1)], tls=True)),
        (
            "rediss://host?ssl_cert_reqs=none&ssl_ca_certs=/ca.pem",
            address("single", [("host", 6379)], tls=True, ssl_cert_reqs="none", ssl_ca_certs="/ca.pem"),
        ),
        (" redis://host ", address("single", [("host", 6379)])),
    ],
)
def test_reads_every_allowed_form(url: str, expected: RedisAddress) -> None:
    assert parse_redis_url(url) == expected


@each(
    ("url", "reason"),
    [
        ("", "scheme is unknown"),
        ("localhost:6379", "scheme is unknown"),
        ("http://:secret@host", "scheme is unknown"),
        ("redis://", "host is missing"),
        ("redis://:secret@", "host is missing"),
        ("redis://:secret@:6379", "host is missing"),
        ("redis://:secret@a,b", "several hosts"),
        ("redis://:secret@host:0x1", "port"),
        ("redis://:secret@host:99999", "port"),
        ("redis://:secret@host/one", "database"),
        ("redis://:secret@host/1/2", "database"),
        ("redis://:se#cret@host", ""),
        ("redis://:se/secret@host", ""),
        ("redis://host?password=secret", "unknown option password"),
        ("redis://host?ssl_check_hostname", "cannot be read"),
        ("redis://host?db=secret", "cannot be read"),
        ("redis://[::1", "cannot be read"),
        ("redis://:secret", "port"),
        ("redis://:secret@host?ssl_cert_reqs=none", "rediss"),
        ("redis+cluster://:secret@a?db=1", "database 0"),
        ("unix://", "socket"),
        ("unix://:secret@relative.sock", "socket"),
        ("redis+sentinel://:secret@a:1", "service"),
        ("redis+cluster://:secret@a:1/3", "database 0"),
        ("redis+cluster://:secret@a:1,,b:2", "host is missing"),
        ("redis+cluster:secret", "host is missing"),
    ],
)
def test_a_bad_url_names_the_key_and_the_forms_and_hides_the_secret(url: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_redis_url(url)
    message = str(caught.value)
    assert message.startswith("GOAT_REDIS_URL=")
    assert reason in message
    assert "redis+sentinel://" in message
    assert "cret" not in message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@each(
    ("url", "shown"),
    [
        ("redis://me:secret@host:1/0", "redis://me:***@host:1/0"),
        ("redis://secret@host", "redis://:***@host"),
        ("redis://me:se@cret@host", "redis://me:***@host"),
        ("redis://host?password=secret", "redis://host?..."),
        ("redis://:secret", "redis://:***"),
        ("redis://a:1,b:secret/0", "redis://a:1,b:***/0"),
        ("me:secret@host", "me:***"),
        ("redis://host/1", "redis://host/1"),
    ],
)
def test_masks(url: str, shown: str) -> None:
    assert mask_url(url) == shown


def test_the_address_does_not_show_its_secrets() -> None:
    assert "secret" not in repr(parse_redis_url("redis://me:secret@host"))


@pytest.mark.parametrize(
    "url",
    [
        "redis://me:pw@host:1/2?client_name=goat",
        "rediss://host?ssl_cert_reqs=none&ssl_check_hostname=no",
        "unix://me:pw@/run/redis.sock?db=1",
        "redis+sentinel://me:pw@a,b/goat/1",
        "rediss+sentinel://me:pw@a,b/goat?ssl_ca_certs=/ca.pem",
        "redis+cluster://me:pw@a,b?client_name=goat",
        "rediss+cluster://me:pw@a,b?ssl_cert_reqs=none&ssl_certfile=/c.pem&ssl_keyfile=/k.pem",
    ],
)
async def test_every_form_makes_a_client_without_connecting(url: str) -> None:
    connection = RedisConnection(url)
    assert await connection.client() is await connection.client()
    await connection.close()


async def test_no_url_and_no_embedded_server_is_an_error() -> None:
    with pytest.raises(ConfigError, match="GOAT_REDIS_URL"):
        await RedisConnection("").client()
