"""What stands between a browser and the web, asked as a browser asks it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from graph.tools.plugins.proxy import Proxy, _parse, running_proxy
from tests.servers.web import Page, WebServer, running_web_server


@pytest.fixture
def web() -> Iterator[WebServer]:
    with running_web_server() as server:
        server.pages["/short"] = Page(b"short", "text/plain")
        yield server


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with running_proxy(private=True, most_bytes=100_000) as running:
        yield running


async def ask(proxy: Proxy, request: str) -> str:
    """Send bytes to the proxy; return what comes until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(request.encode())
    try:
        async with asyncio.timeout(100):
            return (await reader.read(-1)).decode("latin-1")
    finally:
        writer.close()


async def test_a_plain_request_goes_through_for_one_answer(proxy: Proxy, web: WebServer) -> None:
    first = f"GET {web.url}/short HTTP/1.1\r\nHost: 127.0.0.1\r\nProxy-Connection: keep-alive\r\n\r\n"
    answer = await ask(proxy, first + first)
    assert answer.endswith("\r\nConnection: close\r\n\r\nshort")
    assert web.asked == ["127.0.0.1 /short"]


async def test_a_tunnel_carries_what_it_is_given(proxy: Proxy, web: WebServer) -> None:
    inner = "GET /short HTTP/1.0\r\n\r\n"
    answer = await ask(proxy, f"CONNECT 127.0.0.1:{web.port} HTTP/1.1\r\n\r\n{inner}")
    assert answer.startswith("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.0 200")
    assert answer.endswith("short")


def test_a_tunnel_leads_to_the_port_it_names() -> None:
    targets = [b"a.example:443", b"a.example:80", b"[2606:4700::1]:8443"]
    read = [_parse(b"CONNECT " + target + b" HTTP/1.1\r\n\r\n") for target in targets]
    assert [(one.url.host, one.port) for one in read] == [
        ("a.example", 443),
        ("a.example", 80),
        ("2606:4700::1", 8443),
    ]


@pytest.mark.parametrize(
    "how", ["CONNECT {host}:{port} HTTP/1.1\r\n\r\n", "GET http://{host}:{port}/short HTTP/1.1\r\n\r\n"]
)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433"])
async def test_what_is_private_is_closed(web: WebServer, how: str, host: str) -> None:
    async with running_proxy(private=False, most_bytes=1000) as proxy:
        assert await ask(proxy, how.format(host=host, port=web.port)) == ""
        assert "not on the public internet" in proxy.refused[0]
    assert not web.asked


@pytest.mark.parametrize(
    "request_",
    [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET file:///etc/passwd HTTP/1.1\r\n\r\n",
        "CONNECT x:y HTTP/1.1\r\n\r\n",
        "GET http://127.0.0.1:1/ HTTP/1.1\r\n\r\n",
        "\r\n\r\n",
        "x" * 100_000,
    ],
)
async def test_nonsense_is_closed(proxy: Proxy, request_: str) -> None:
    assert await ask(proxy, request_) == ""


async def test_a_page_without_end_is_cut(proxy: Proxy, web: WebServer) -> None:
    answer = await ask(proxy, f"GET {web.url}/endless HTTP/1.1\r\nHost: x\r\n\r\n")
    assert len(answer) < 200_000
