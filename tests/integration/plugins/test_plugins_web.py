"""Pages as `fetch_content` reads them: good ones, bad ones, and those it must not reach."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from graph.settings.settings import Settings
from graph.tools.plugins.plugin_registry import SHIPPED
from graph.tools.traits import traits_of
from tests.plugins import Plugins, open_plugins
from tests.servers.web import Page, WebServer, running_web_server
from tests.tables import each

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def _web() -> Iterator[WebServer]:
    with running_web_server() as server:
        yield server


@pytest.fixture
def web(_web: WebServer) -> WebServer:
    """The pages for all tests, of which none has been asked for."""
    _web.asked.clear()
    return _web


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plugins(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Plugins]:
    """Plugins for all tests, that may read what is private."""
    folder = tmp_path_factory.mktemp("plugins")
    settings = Settings(data_folder=folder, tool_timeout=100, fetch_private=True, fetch_megabytes=0.1)
    async with open_plugins(settings, shipped=SHIPPED) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Plugins]:
    """Plugins for all tests, that may not."""
    settings = Settings(data_folder=tmp_path_factory.mktemp("guarded"), tool_timeout=100)
    async with open_plugins(settings, shipped=SHIPPED) as opened:
        yield opened


async def test_a_page_is_read_as_markdown_without_what_stands_around_it(
    plugins: Plugins, web: WebServer
) -> None:
    output = await plugins.call("fetch_content", url=f"{web.url}/article")
    assert output.text.startswith(
        f"# Goats of the Carpathians\nURL: {web.url}/article\nDate: 2024-05-06\n\nThe goat"
    )
    assert f"[the paths]({web.url}/paths)" in output.text
    assert "- horns" in output.text
    assert "| 2023 | 41 |" in output.text
    assert "Shop" not in output.text
    traits = traits_of(await plugins.tool("fetch_content"))
    assert (traits.foreign, traits.cached) == (True, 300)


async def test_a_redirect_is_followed_and_the_last_address_named(plugins: Plugins, web: WebServer) -> None:
    for path in ("/moved", "/endless-redirect"):
        assert f"URL: {web.url}/article" in (await plugins.call("fetch_content", url=web.url + path)).text


async def test_text_is_read_as_it_is(plugins: Plugins, web: WebServer) -> None:
    output = await plugins.call("fetch_content", url=f"{web.url}/data")
    assert output.text == f'URL: {web.url}/data\n\n{{"goats": 41}}'


@each(
    ("body", "type_", "expected"),
    [
        ("Țara și oile".encode("iso8859-16"), "text/plain; charset=iso-8859-16", "Țara și oile"),
        ("Țara și oile".encode("utf-16"), "text/plain", "Țara și oile"),
        ("Țara și oile".encode(), "text/plain", "Țara și oile"),
        ("“quoted” – €".encode("cp1252"), "text/plain; charset=latin-1", "“quoted” – €"),
        (
            "<html><head><meta charset=windows-1251></head><body><p>Горный козёл</p></body></html>".encode(
                "cp1251"
            ),
            "text/html",
            "Горный козёл",
        ),
        ("Țara".encode(), "text/plain; charset=hex", "Țara"),
        ("Țara".encode(), "text/plain; charset=no-such-thing", "Țara"),
        (b"goat-cheese", "text/plain; charset=punycode", "goat-cheese"),
        (b"C:\\new", "text/plain; charset=unicode_escape", "C:\\new"),
    ],
)
async def test_letters_come_through(
    plugins: Plugins, web: WebServer, body: bytes, type_: str, expected: str
) -> None:
    web.pages["/letters"] = Page(body, type_)
    assert expected in (await plugins.call("fetch_content", url=f"{web.url}/letters")).text


@pytest.mark.parametrize("path", ["/bomb", "/endless"])
async def test_only_so_much_is_read_counted_unpacked(plugins: Plugins, web: WebServer, path: str) -> None:
    output = await plugins.call("fetch_content", url=web.url + path)
    assert output.text.endswith("(Only the first 0.1 MB were read.)")


@each(
    ("path", "said"),
    [
        ("/picture", "is image/png; only pages and text can be read"),
        ("/missing", "answers 404"),
        ("/loop", "redirects more than 5 times"),
        ("/brotli", "packed as 'br'"),
        ("/broken-gzip", "cannot be read"),
        ("/to-file", "Only http:// and https://"),
        ("/to-secret", "user name or password"),
        ("/no-location", "answers 302"),
    ],
)
async def test_what_cannot_be_read_is_refused_with_a_reason(
    plugins: Plugins, web: WebServer, path: str, said: str
) -> None:
    web.pages |= {
        "/brotli": Page(b"x", headers={"Content-Encoding": "br"}),
        "/broken-gzip": Page(b"no gzip", headers={"Content-Encoding": "gzip"}),
        "/to-file": Page(status=302, headers={"Location": "file:///etc/passwd"}),
        "/to-secret": Page(status=302, headers={"Location": "http://a:b@127.0.0.1/"}),
        "/no-location": Page(b"where?", "image/gif", status=302),
    }
    output = await plugins.call("fetch_content", url=web.url + path)
    assert not output.ok
    assert said in output.text


@each(
    "url",
    [
        "http://127.0.0.1:{port}/article",
        "http://localhost:{port}/article",
        "http://localhost.:{port}/article",
        "http://127.1:{port}/article",
        "http://2130706433:{port}/article",
        "http://0x7f000001:{port}/article",
        "http://0177.0.0.1:{port}/article",
        "http://0.0.0.0:{port}/article",
        "http://[::1]:{port}/article",
        "http://[::ffff:127.0.0.1]:{port}/article",
        "http://[::ffff:7f00:1]:{port}/article",
        "http://１２７.０.０.１:{port}/article",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://127.0.0.1:{port}/",
        "http://user:word@example.org/",
        "http://",
        "http:///article",
        "no url at all",
        "http://[",
        "http://no-such-host.invalid/",
        "http://" + "a" * 300 + "/",
        "http://a/" + "x" * 5000,
        "",
    ],
)
async def test_what_is_not_on_the_public_web_is_not_asked(guarded: Plugins, web: WebServer, url: str) -> None:
    output = await guarded.call("fetch_content", url=url.format(port=web.port))
    assert not output.ok
    assert "fetch_content failed: " in output.text
    assert not web.asked


async def test_a_name_that_turns_private_after_the_check_is_not_reached(
    guarded: Plugins, web: WebServer
) -> None:
    """What is resolved is what is connected to: a plain client that trusted a first look would get there."""
    guarded.write(
        "own.py",
        f"""
        from graph.tools.plugins.addresses import AddressRefused

        def build(services):
            @tool
            async def own() -> str:
                "Ask with a client of its own."
                async with services.http() as client:
                    try:
                        return (await client.get("{web.url}/article", headers={{"Host": "example.org"}})).text
                    except AddressRefused as refusal:
                        return str(refusal)
            return [own]
        """,
    )
    assert "not on the public internet" in (await guarded.call("own")).text
    assert not web.asked


async def test_a_page_that_takes_too_long_is_left(plugins: Plugins, web: WebServer, tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path / "b", tool_timeout=0.3, fetch_private=True)
    async with open_plugins(settings, shipped=SHIPPED) as hasty:
        output = await hasty.call("fetch_content", url=f"{web.url}/slow")
    assert "not done within 0.3 s" in output.text
