"""A page in a browser of its own, which is closed afterwards and reaches the public web alone."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
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
class Seen:
    """A page as the browser shows it."""

    url: str
    html: str
    refused: tuple[str, ...]
    """What the page wanted of hosts that may not be reached."""
    waited_in_vain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """How pages are opened."""

    path: str
    """Of the browser's program; empty: one of the system's, else Playwright's own."""
    private: bool
    seconds: float
    most_bytes: int

    async def look(self, url: str, screenshot: Path | None, wait_for: str = "") -> Seen:
        """Open a page, run its scripts, and save a picture of it, where one is wanted.

        Raises:
            ToolException: there is no browser, or it cannot show the page; the text says why.
        """
        api = await _playwright()
        async with running_proxy(private=self.private, most_bytes=self.most_bytes) as proxy:
            try:
                async with self._page(api, proxy) as page:
                    return await self._seen(page, url, screenshot, wait_for, api, proxy)
            except api.Error as error:
                raise ToolException(_reason(url, error, proxy)) from None

    async def _seen(
        self, page: "Page", url: str, screenshot: Path | None, wait_for: str, api: Any, proxy: Proxy
    ) -> Seen:
        await page.goto(url, wait_until="domcontentloaded")
        in_vain = not await _settled(page, wait_for, api, self.seconds / 3)
        if screenshot is not None:
            await page.screenshot(path=screenshot, type="png")
        html = (await page.content())[:_MOST_HTML]
        return Seen(url=page.url, html=html, refused=tuple(proxy.refused), waited_in_vain=in_vain)

    @asynccontextmanager
    async def _page(self, api: Any, proxy: Proxy) -> AsyncIterator["Page"]:
        with tempfile.TemporaryDirectory(prefix="goat-browser-") as home:
            manager = api.async_playwright()
            started = asyncio.ensure_future(manager.__aenter__())
            try:
                playwright = await _unhurried(started)
                yield await _unhurried(asyncio.ensure_future(self._opened(playwright, proxy, home)))
            finally:
                if started.exception() is None:
                    await _unhurried(asyncio.ensure_future(manager.__aexit__()))

    async def _opened(self, playwright: "Playwright", proxy: Proxy, home: str) -> "Page":
        browser = await playwright.chromium.launch(
            executable_path=self.path or found_browser() or None,
            args=list(_FLAGS),
            chromium_sandbox=os.name != "posix" or os.geteuid() != 0,
            env={"HOME": home, "PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
            proxy={"server": f"http://127.0.0.1:{proxy.port}", "bypass": "<-loopback>"},
            timeout=self.seconds * 1000,
        )
        context = await browser.new_context(
            accept_downloads=False, service_workers="block", viewport={"width": _WIDTH, "height": _HEIGHT}
        )
        context.set_default_timeout(self.seconds * 1000)
        await context.route(_is_closed, _abort)
        return await context.new_page()


async def _unhurried(work: "asyncio.Future[T]") -> T:
    """Finish what would leave a process behind if it were given up halfway, also when cancelled."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({work})
        raise


def found_browser() -> str:
    """Return the path of a browser of the system's; empty when there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), "")


async def _playwright() -> Any:
    try:
        return await asyncio.to_thread(_imported)
    except ImportError:
        raise ToolException(missing_message("browser")) from None


def _imported() -> Any:
    from playwright import async_api  # noqa: PLC0415 - an extra, which may not be installed

    return async_api


async def _settled(page: "Page", wait_for: str, api: Any, seconds: float) -> bool:
    """Wait until the page is quiet, and what is waited for is there; say whether it came."""
    try:
        if wait_for:
            await page.wait_for_selector(wait_for, timeout=seconds * 1000)
    except api.TimeoutError:
        return False
    with suppress(api.TimeoutError):  # pages that never rest are shown as they are
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
