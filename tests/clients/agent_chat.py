"""LangChain's agent-chat-ui, as `create-agent-chat-app` makes it, in a real Chromium."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

from playwright.async_api import Locator, Page, async_playwright

from graph.tools.plugins.browser import system_browser
from tests.servers.studio import StudioServer
from tests.studio import ASSISTANT

PATIENCE = 60_000
"""Milliseconds that an element may take on a busy machine."""
_KEY = "lg:chat:apiKey"
"""Where the chat keeps the key that a person types in."""


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def running_page(folder: Path) -> Iterator[str]:
    """Serve a built page; yield its origin."""
    handler = partial(_Silent, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass(frozen=True, slots=True)
class AgentChat:
    """The chat's page, used as a person uses it."""

    page: Page

    async def say(self, text: str) -> None:
        """Send a message, and wait until its run ends."""
        await self.begin(text)
        await self.ended()

    async def begin(self, text: str) -> None:
        """Send a message, and wait until its run begins."""
        await self.page.get_by_placeholder("Type your message").fill(text)
        await self.page.keyboard.press("Enter")
        await self.button("Cancel").wait_for()

    async def ended(self) -> None:
        """Wait until no run is shown and the history is loaded."""
        await self.button("Send").wait_for()
        await self.page.wait_for_load_state("networkidle")

    async def press(self, name: str) -> None:
        """Press a button that starts a run, and wait until the run ends."""
        await self.button(name).click()
        await self.ended()

    async def press_icon(self, icon: str, beside: str) -> None:
        """Press a button with an icon that appears under a message."""
        message = self.page.locator(".group", has_text=beside).last
        await message.hover()
        await message.locator(f"button:has(svg.lucide-{icon})").click()

    async def edit(self, message: str, text: str) -> None:
        """Change a message of one's own, and wait until its run ends."""
        await self.press_icon("pencil", message)
        await self.page.locator("textarea").first.fill(text)
        await self.page.keyboard.press("Control+Enter")
        await self.shown(text).wait_for()
        await self.ended()

    def button(self, name: str) -> Locator:
        """Return a button by its exact name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def shown(self, text: str) -> Locator:
        """Return the messages or fields with exactly this text."""
        return self.page.get_by_text(text, exact=True)

    async def text(self) -> str:
        """Return the text of the page."""
        return await self.page.locator("body").inner_text()


@asynccontextmanager
async def open_chat(page_url: str, server: StudioServer) -> AsyncIterator[AgentChat]:
    """Open the chat in a new browser; check that its script raises no error."""
    address = f"{page_url}/?{urlencode({'apiUrl': server.url, 'assistantId': ASSISTANT})}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=system_browser() or None, args=["--no-sandbox"]
        )
        context = await browser.new_context(viewport={"width": 1000, "height": 760})
        context.set_default_timeout(PATIENCE)
        await context.add_init_script(f"localStorage.setItem({_KEY!r}, {json.dumps(server.token)})")
        page, errors = await context.new_page(), list[Exception]()
        page.on("pageerror", lambda error: errors.append(error))  # noqa: PLW0108 - it marks the function
        await page.goto(address)
        yield AgentChat(page)
        await browser.close()
        assert errors == []
