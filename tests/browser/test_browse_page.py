"""Pages as `browse_page` sees them, in a real Chromium."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PIL import Image

from graph.settings.settings import Settings
from graph.tools.plugins.plugin_registry import SHIPPED
from tests.plugins import TURN, Plugins, open_plugins, until
from tests.servers.web import Page, WebServer

pytestmark = pytest.mark.browser
ELSEWHERE = """<!doctype html><title>t</title><article><p id=p>nothing yet</p></article><script>
const tell = (text) => document.getElementById("p").innerHTML += " " + text;
for (const url of %s)
  fetch(url, {mode: "no-cors"}).then(() => tell("reached " + url), () => tell("failed " + url));
try { new WebSocket("ws://127.0.0.1:%d/socket").onerror = () => tell("no socket"); }
catch { tell("no socket"); }
setTimeout(() => document.body.insertAdjacentHTML("beforeend", "<i class=done>done</i>"), 1000);
</script>"""


def _browsers() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


async def test_what_a_script_writes_is_read_and_a_picture_of_it_goes_to_the_chat(
    plugins: Plugins, web: WebServer
) -> None:
    before = _browsers()
    output = await plugins.call("browse_page", url=f"{web.url}/rendered", wait_for=".done")
    assert output.ok, output.text
    assert output.text.startswith(f"# Made by a script\nURL: {web.url}/rendered\n")
    assert "written by JavaScript" in output.text
    (picture,) = output.attachments
    with Image.open(picture) as image:
        assert image.size == (1280, 1200)
        darkest, lightest = image.convert("L").getextrema()
        assert (darkest, lightest) == (0, 255)
    await until(lambda: _browsers() <= before)


async def test_of_a_private_turn_no_picture_is_left(plugins: Plugins, web: WebServer) -> None:
    turn = replace(TURN, private=True)
    output = await plugins.call("browse_page", turn, url=f"{web.url}/article")
    assert "climbs where nobody else does" in output.text
    assert output.attachments == ()
    assert not list(plugins.settings.data_folder.rglob("*.png"))


async def test_what_does_not_come_is_said(plugins: Plugins, web: WebServer) -> None:
    output = await plugins.call("browse_page", url=f"{web.url}/article", wait_for="#never")
    assert "climbs where nobody else does" in output.text
    assert output.text.endswith("(#never did not come.)")


async def test_a_private_page_is_not_reached(guarded: Plugins, web: WebServer) -> None:
    for host in ("127.0.0.1", "localhost", "[::1]", "2130706433"):
        output = await guarded.call("browse_page", url=f"http://{host}:{web.port}/article")
        assert not output.ok
        assert "not on the public internet" in output.text
    assert not web.asked


async def test_a_page_reaches_nothing_private_by_its_scripts(
    guarded: Plugins, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page itself is let through, as if its host were public; what it asks for is not."""
    monkeypatch.setattr(
        "graph.tools.plugins.addresses.is_public", lambda address: str(address) == "127.0.0.1"
    )
    monkeypatch.setattr("graph.tools.plugins.addresses.own_networks", list)
    urls = [f"http://127.0.0.2:{web.port}/data", "http://169.254.169.254/latest", "file:///etc/passwd"]
    web.pages["/curious"] = Page((ELSEWHERE % (urls, web.port)).encode())
    output = await guarded.call("browse_page", url=f"{web.url}/curious", wait_for=".done")
    assert [f"failed {url}" in output.text for url in urls] == [True] * 3
    assert "parts from places that may not be reached" in output.text
    assert all("/data" not in asked for asked in web.asked)


async def test_a_download_and_an_error_page_are_texts(plugins: Plugins, web: WebServer) -> None:
    web.pages["/file"] = Page(b"x", "application/octet-stream", headers={"Content-Disposition": "attachment"})
    output = await plugins.call("browse_page", url=f"{web.url}/file")
    assert "cannot show" in output.text
    output = await plugins.call("browse_page", url="http://127.0.0.1:1/")
    assert not output.ok


async def test_a_page_that_never_answers_is_left_and_its_browser_closed(
    tmp_path: Path, web: WebServer
) -> None:
    before = _browsers()
    settings = Settings(data_folder=tmp_path, fetch_private=True, browser_timeout=3)
    async with open_plugins(settings, shipped=SHIPPED) as plugins:
        began = time.monotonic()
        output = await plugins.call("browse_page", url=f"{web.url}/slow")
        assert "Timeout 3000ms exceeded" in output.text
        assert time.monotonic() - began < 12
        call = asyncio.create_task(plugins.call("browse_page", url=f"{web.url}/slow"))
        await until(lambda: len(_browsers()) > len(before), 10)
        call.cancel()
        await asyncio.wait([call])
        await until(lambda: _browsers() <= before, 10)


async def test_without_a_browser_it_is_said_what_to_install(tmp_path: Path, web: WebServer) -> None:
    settings = Settings(data_folder=tmp_path, fetch_private=True, browser_path="/nowhere/chromium")
    async with open_plugins(settings, shipped=SHIPPED) as plugins:
        output = await plugins.call("browse_page", url=f"{web.url}/article")
    assert "playwright install chromium" in output.text
