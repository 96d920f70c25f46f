"""Pages opened in a separate browser process, which reaches only the public web."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.tools import ToolException

from graph.settings.extras import missing_message
from graph.tools.plugins.proxy import Proxy, running_proxy

if TYPE_CHECKING:
    from playwright.async_api import Page, Playwright, Route

T = TypeVar("T")
INSTALL = (
    "There is no browser. Install one: playwright install chromium; or install your system's chromium; or "
    "set GOAT_BROWSER_PATH."
)
_NAMES = ("chromium", "chromium-headless-shell", "google-chrome", "google-chrome-stable", "chromium-browser")
_WIDTH, _HEIGHT = 1280, 1200
_SETTLE_SECONDS = 3.0
_MOST_HTML = 5_000_000
_FLAGS = (
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-background-networking",
)
_OPEN = ("http:", "https:", "data:", "blob:", "about:blank", "about:srcdoc")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserPage:
    """A page after its scripts have run."""

    url: str
    html: str
    refused: tuple[str, ...]
    """Problems with hosts of the page that may not be reached."""
    wait_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """Settings of the browser, which is started for each page."""

    path: str
    """The browser's executable; empty: the system's, else Playwright's."""
    private: bool
    seconds: float
    most_bytes: int

    async def look(self, url: str, screenshot: Path | None, wait_for: str = "") -> BrowserPage:
        """Open a page, run its scripts, and save a screenshot if a path is given.

        Raises:
            ToolException: there is no browser or it cannot show the page; the text says why.
        """
        api = await _playwright()
        async with running_proxy(private=self.private, most_bytes=self.most_bytes) as proxy:
            try:
                async with self._page(api, proxy) as page:
                    return await self._read(page, url, screenshot, wait_for, api, proxy)
            except api.Error as error:
                raise ToolException(_reason(url, error, proxy)) from None

    async def _read(
        self, page: "Page", url: str, screenshot: Path | None, wait_for: str, api: Any, proxy: Proxy
    ) -> BrowserPage:
        await page.goto(url, wait_until="domcontentloaded")
        ready = await _wait_until_ready(page, wait_for, api, self.seconds / 3)
        if screenshot is not None:
            await page.screenshot(path=screenshot, type="png")
        html = (await page.content())[:_MOST_HTML]
        return BrowserPage(url=page.url, html=html, refused=tuple(proxy.refused), wait_failed=not ready)

    @asynccontextmanager
    async def _page(self, api: Any, proxy: Proxy) -> AsyncIterator["Page"]:
        with tempfile.TemporaryDirectory(prefix="goat-browser-") as home:
            manager = api.async_playwright()
            started = asyncio.ensure_future(manager.__aenter__())
            try:
                playwright = await _finish(started)
                yield await _finish(asyncio.ensure_future(self._new_page(playwright, proxy, home)))
            finally:
                if started.exception() is None:
                    await _finish(asyncio.ensure_future(manager.__aexit__()))

    async def _new_page(self, playwright: "Playwright", proxy: Proxy, home: str) -> "Page":
        browser = await playwright.chromium.launch(
            executable_path=self.path or system_browser() or None,
            args=list(_FLAGS),
            chromium_sandbox=os.name != "posix" or os.geteuid() != 0,
            env={"HOME": home, "PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
            proxy={"server": f"socks5://127.0.0.1:{proxy.port}", "bypass": "<-loopback>"},
            timeout=self.seconds * 1000,
        )
        context = await browser.new_context(
            accept_downloads=False, service_workers="block", viewport={"width": _WIDTH, "height": _HEIGHT}
        )
        context.set_default_timeout(self.seconds * 1000)
        await context.route(_is_closed, _abort)
        return await context.new_page()


async def _finish(work: "asyncio.Future[T]") -> T:
    """Await work to its end even when cancelled: an interrupted one would leave a process behind."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({work})
        raise


def system_browser() -> str:
    """Return the path of the system's browser; empty without one."""
    return next((path for name in _NAMES if (path := shutil.which(name))), "")


async def _playwright() -> Any:
    try:
        return await asyncio.to_thread(import_module, "playwright.async_api")
    except ImportError:
        raise ToolException(missing_message("browser")) from None


async def _wait_until_ready(page: "Page", wait_for: str, api: Any, seconds: float) -> bool:
    """Wait for the element `wait_for` and for a quiet network; return True when the element appeared."""
    try:
        if wait_for:
            await page.wait_for_selector(wait_for, timeout=seconds * 1000)
    except api.TimeoutError:
        return False
    with suppress(api.TimeoutError):  # some pages never become quiet
        await page.wait_for_load_state("networkidle", timeout=_SETTLE_SECONDS * 1000)
    return True


def _is_closed(url: str) -> bool:
    return not url.startswith(_OPEN)


async def _abort(route: "Route") -> None:
    await route.abort("blockedbyclient")


def _reason(url: str, error: Exception, proxy: Proxy) -> str:
    text = str(error)
    if "executable doesn't exist" in text.lower() or "playwright install" in text:
        return INSTALL
    if proxy.refused:
        return proxy.refused[0]
    return f"The browser cannot show {url[:300]}: {text.splitlines()[0][:300]}"
