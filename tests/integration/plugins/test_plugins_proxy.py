"""The SOCKS5 proxy between a browser and the web, asked as a browser asks it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from graph.tools.plugins.proxy import Proxy, running_proxy
from tests.servers.web import Page, WebServer, running_web_server

GREETING = b"\x05\x01\x00"
ACCEPTED = b"\x05\x00"
CONNECTED = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


@pytest.fixture
def web() -> Iterator[WebServer]:
    with running_web_server() as server:
        server.pages["/short"] = Page(b"short", "text/plain")
        yield server


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with running_proxy(private=True, most_bytes=100_000) as running:
        yield running


def connect(host: str, port: int) -> bytes:
    name = host.encode()
    return GREETING + b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2)


async def ask(proxy: Proxy, request: bytes) -> bytes:
    """Send bytes to the proxy; return what comes until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(request)
    writer.write_eof()
    try:
        async with asyncio.timeout(100):
            return await reader.read(-1)
    finally:
        writer.close()


async def test_a_connection_carries_what_it_is_given(proxy: Proxy, web: WebServer) -> None:
    answer = await ask(proxy, connect("127.0.0.1", web.port) + b"GET /short HTTP/1.0\r\n\r\n")
    assert answer.startswith(ACCEPTED + CONNECTED + b"HTTP/1.0 200")
    assert answer.endswith(b"short")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "2130706433"])
async def test_what_is_private_is_closed(web: WebServer, host: str) -> None:
    async with running_proxy(private=False, most_bytes=1000) as proxy:
        assert await ask(proxy, connect(host, web.port)) == ACCEPTED
        assert "not on the public internet" in proxy.refused[0]
    assert not web.asked


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"",
        GREETING + b"\x05\x02\x00\x03\x01x\x00\x50",
        GREETING + b"\x05\x01\x00\x03\x02\xff\xfe\x00\x50",
        connect("127.0.0.1", 1),
        connect("127.0.0.1", 1)[:-1],
    ],
)
async def test_nonsense_is_closed(proxy: Proxy, request_: bytes) -> None:
    assert await ask(proxy, request_) in (b"", ACCEPTED)


async def test_a_page_without_end_is_cut(proxy: Proxy, web: WebServer) -> None:
    answer = await ask(proxy, connect("127.0.0.1", web.port) + b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
    assert 50_000 < len(answer) < 200_000
