"""Studio's server, called by real pages in Chromium: Studio's, another website's, and one of a moved name."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, Route, async_playwright
from pydantic import SecretStr

from graph.settings.server_settings import STUDIO
from graph.studio.studio_token import StudioToken
from graph.tools.plugins.browser import system_browser
from tests.servers.model import running_model_server
from tests.servers.studio import StudioServer
from tests.studio import running_studio, shared_folder

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
REBOUND = "rebound.example"
OWN_GUARD = "--disable-features=LocalNetworkAccessChecks"
"""Takes away what Chromium has of its own against such pages, and other browsers have not."""
CALLS = """async (base) => {
  const told = [];
  const call = async (path, options) => {
    try {
      const answer = await fetch(base + path, options);
      const text = await answer.text();
      told.push(`${answer.status} ${text.length > 2 ? "read" : ""}`.trim());
    } catch { told.push("failed"); }
  };
  const json = {"Content-Type": "application/json"}, text = {"Content-Type": "text/plain"};
  await call("/info", {});
  await call("/threads/search", {method: "POST", headers: json, body: "{}"});
  await call("/threads", {method: "POST", headers: text, body: "{}"});
  await call("/threads", {method: "POST", body: new Blob(["{}"])});
  await call("/threads", {method: "POST", mode: "no-cors", headers: text, body: "{}"});
  await call("/info", {headers: {"x-auth-scheme": "langsmith"}});
  told.push(await new Promise((resolve) => {
    const socket = new WebSocket(base.replace("http", "ws") + "/threads/x/stream/events");
    socket.onopen = () => resolve("opened");
    socket.onerror = () => resolve("no socket");
  }));
  return told;
}"""
FAILED = ["failed"] * 4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Iterator[StudioServer]:
    folder = shared_folder(tmp_path_factory.mktemp("studio"), model_folder)
    with running_model_server() as model, running_studio(folder, model) as running:
        yield running


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Page]:
    """Open an empty page at any address, its own requests going where they go."""

    async def empty(route: Route) -> None:
        await route.fulfill(body="<!doctype html><title>t</title>", content_type="text/html")

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=system_browser() or None,
            args=[f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1", OWN_GUARD, "--no-sandbox"],
        )
        context = await browser.new_context()
        page = await context.new_page()
        await page.route(url, empty)
        await page.goto(url)
        yield page
        await browser.close()


async def threads(server: StudioServer) -> int:
    async with server.client() as client:
        return await client.threads.count()


async def told(page_url: str, base: str) -> Any:
    async with opened(page_url) as page:
        return await page.evaluate(CALLS, base)


async def test_studios_page_is_let_in_by_its_address_alone(server: StudioServer) -> None:
    key = StudioToken(SecretStr(server.token)).key
    info, search, as_text, as_blob, _blind, scheme, _ = await told(f"{STUDIO}/studio/", f"{server.url}/{key}")
    assert (info, search, scheme) == ("200 read", "200", "200 read")
    assert (as_text, as_blob) == ("failed", "failed")
    before = await threads(server)
    without = await told(f"{STUDIO}/studio/", server.url)
    assert without[:2] == ["401 read", "401 read"]
    assert without[-1] == "no socket"
    assert await threads(server) == before


async def test_a_page_of_another_website_reads_nothing_and_changes_nothing(server: StudioServer) -> None:
    key = StudioToken(SecretStr(server.token)).key
    before = await threads(server)
    for base in (server.url, f"{server.url}/{key}"):
        info, search, as_text, as_blob, blind, scheme, socket = await told("https://evil.example/", base)
        assert [info, search, as_text, as_blob] == FAILED
        assert (blind, scheme, socket) == ("0", "failed", "no socket")
    assert await threads(server) == before


async def test_a_page_whose_name_was_made_to_point_here_reads_nothing(server: StudioServer) -> None:
    before = await threads(server)
    base = f"http://{REBOUND}:{urlsplit(server.url).port}"
    answers = await told(f"{base}/page", base)
    assert {answer.split()[0] for answer in answers[:6]} == {"421"}
    assert answers[-1] == "no socket"
    assert await threads(server) == before
